# SPDX-License-Identifier: Apache-2.0
# gnuplot -c drawings.gp FOLDER COLUMNS: threads.svg from FOLDER/threads.tsv, and peers.svg from the figures below.
folder = ARG1
set terminal svg size 720,420 font "sans-serif,13" background "white"
set key left top
set grid

set output folder."/threads.svg"
set title "Signatures a second, threads sharing one P-256 key, 1 ms for each call into the module"
set xlabel "threads"
set ylabel "signatures a second"
set logscale xy 2
set datafile missing "?"
plot for [column=2:ARG2] folder."/threads.tsv" using 1:column with linespoints linewidth 2 title columnheader(column)

# Calls into the module (C_ functions), as measured on Debian 12 against pkcs11-provider 1.2.0 and libp11 0.4.20; ours are
# asserted in tests/integration/calls_test.cpp.
$calls << DATA
"" "this provider" "pkcs11-provider 1.2.0" "libp11 0.4.20"
"RSA signature" 2 6 3
"ECDSA signature" 2 4 3
"dgst -sign, RSA" 15 46 35
"dgst -sign, EC" 15 54 44
DATA
set output folder."/peers.svg"
unset logscale
set title "Calls into the PKCS#11 module"
set xlabel ""
set ylabel "calls"
set style data histogram
set style histogram cluster gap 1
set style fill solid 0.8 border -1
set yrange [0:60]
plot for [column=2:4] $calls using column:xtic(1) title columnheader(column)
