# SPDX-License-Identifier: Apache-2.0
# What pkcs11-uri2pem makes no key reference of.
# shellcheck shell=bash

scenario_uri2pem_keys_alone() {
    built_uri2pem
    local type
    for type in cert data secret-key; do
        fails "a key reference is for keys" "$URI2PEM" "pkcs11:token=scenarios;object=rsa;type=$type" -o "$type.pem"
        [ ! -e "$type.pem" ] || die "a file is written of a $type"
    done
    for type in private public; do
        clean "$URI2PEM" "pkcs11:token=scenarios;object=rsa;type=$type" -o "$type.pem"
        [ -s "$type.pem" ] || die "no file is written of a $type key"
    done
}
