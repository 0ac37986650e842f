#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# instructions.sh BUILD RESULTS: counts, with callgrind, the instructions that one signature takes in each library: the
# difference between 200 and 100 signatures. They are exact, and do not depend on the machine's load.
set -euo pipefail

build=$1
results=$2
command -v valgrind >/dev/null || {
    echo "no valgrind: instructions are not counted"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/provider.cnf" <<CONF
openssl_conf = init
[init]
providers = providers
[providers]
default = default_section
pkcs11 = pkcs11_section
[default_section]
activate = 1
[pkcs11_section]
module = $build/pkcs11.so
activate = 1
CONF
export OPENSSL_CONF=$work/provider.cnf

count() { # KEY SIGNATURES OUT [message]
    valgrind --tool=callgrind --callgrind-out-file="$3" "$build/bench/sign_loop" "pkcs11:token=bench;object=$1;type=private?pin-value=1234" "$2" ${4:+"$4"} 2>"$work/log" ||
        { cat "$work/log" >&2; exit 1; }
    callgrind_annotate --threshold=100 --auto=no "$3" >"$3.txt"
}

rm -f "$results"/instructions-*.txt
for key in ec256 rsa2048; do
    for kind in hash message; do
        option=$([ $kind = hash ] || echo message)
        for signatures in 100 200; do
            count $key $signatures "$work/$signatures" "$option"
            cp "$work/$signatures.txt" "$results/instructions-$key-$kind-$signatures.txt"
        done
        echo "counted: $key, $kind"
    done
done
