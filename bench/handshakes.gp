# SPDX-License-Identifier: Apache-2.0
# gnuplot -c handshakes.gp FOLDER COLUMNS: handshakes.svg from FOLDER/handshakes.tsv.medians
folder = ARG1
set terminal svg size 720,420 font "sans-serif,13" background "white"
set key outside right
set grid
set output folder."/handshakes.svg"
set title "HAProxy with one thread, full TLS 1.3 handshakes, P-256"
set xlabel "clients"
set ylabel "handshakes a second"
set logscale xy 2
plot for [column=2:ARG2] folder."/handshakes.tsv.medians" using 1:column with linespoints linewidth 2 \
    linetype column / 2 dashtype 1 + column % 2 title columnheader(column)
