#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-tokens.sh FOLDER BUILD: the SoftHSM tokens "bench" and "edwards" with keys in FOLDER, and copies of it that hold 10, 100, 1,000
# and 10,000 objects in FOLDER/objects-N. What is there already stays.
set -euo pipefail

folder=$1
fill_token=$2/bench/fill_token
let_derive=$2/tests/support/let_derive
[ ! "$folder/done" -nt "$0" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ ! -e "$module" ] || break
done
[ -e "$module" ] || { echo "SoftHSM2 is not installed" >&2; exit 1; }
echo "$module" >module

configure() { # FOLDER
    mkdir -p "$1/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$1/tokens" >"$1/softhsm2.conf"
    export SOFTHSM2_CONF=$1/softhsm2.conf
}

import() { # LABEL ID GENPKEY-OPTIONS...
    openssl genpkey -out "$1.pem" "${@:3}" 2>/dev/null
    softhsm2-util --import "$1.pem" --token "$token" --label "$1" --id "$2" --pin 1234 >/dev/null
}

make_token() { # FOLDER
    configure "$1"
    softhsm2-util --init-token --free --label "$token" --pin 1234 --so-pin 5678 >/dev/null
}

# libp11's engine finds nothing on a token that has an Edwards key.
token=edwards
make_token "$folder"
import ed25519 06 -algorithm ED25519
token=bench
make_token "$folder"
import rsa2048 01 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
import rsa3072 02 -algorithm RSA -pkeyopt rsa_keygen_bits:3072
import rsa4096 03 -algorithm RSA -pkeyopt rsa_keygen_bits:4096
import ec256 04 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
"$let_derive" "$module" bench 1234 ec256
import ec384 05 -algorithm EC -pkeyopt ec_paramgen_curve:P-384

# softhsm2-util writes a private and a public key.
for count in 10 100 1000 10000; do
    make_token "$folder/objects-$count"
    softhsm2-util --import rsa2048.pem --token bench --label rsa2048 --id 01 --pin 1234 >/dev/null
    "$fill_token" "$module" bench 1234 $((count - 2))
done
touch "done"
