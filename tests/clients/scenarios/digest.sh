# SPDX-License-Identifier: Apache-2.0
# Digests that a token makes (pkcs11-digest-token).
# shellcheck shell=bash

# hashes_on_token FILE OPTION...: the hash is software's, and the token made it
hashes_on_token() {
    rm -f counts
    clean openssl dgst -r -sha256 "${@:2}" -propquery provider=pkcs11 "$1" >made.txt
    plain dgst -r -sha256 "$1" >expected.txt
    cmp -s expected.txt made.txt || die "another hash: $1"
    grep -q '^C_DigestInit' counts || die "the token did not make the hash: $1"
    lacks '^C_Login' <counts || die "logged in for a digest"
}

scenario_digest_of_a_token() {
    local order
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_TEST_COUNTS=$WORK/counts PKCS11_PROVIDER_MODULE=$TEST_MODULE
    head -c 300000 /dev/urandom >long.bin
    : >empty.bin
    for order in default pkcs11; do
        configuration "pkcs11-digest-token = pkcs11:token=scenarios" $order
        for file in data.bin long.bin empty.bin; do
            hashes_on_token $file
            hashes_on_token $file -provider pkcs11 -provider default
        done
    done
    clean openssl list -digest-algorithms -provider pkcs11 -provider default >list.txt
    grep -qE 'SHA3-512.* @ pkcs11' list.txt || { cat list.txt >&2; die "the list lacks the token's digests"; }
    # What does not ask is not served, though programs hash in many places.
    configuration "pkcs11-digest-token = pkcs11:token=scenarios"
    rm -f counts
    clean openssl dgst -sha256 data.bin >made.txt
    [ ! -e counts ] || lacks '^C_Digest' <counts || die "a digest that nobody asked of the token"
}

scenario_digest_is_off() {
    configuration ""
    refuses openssl dgst -sha256 -propquery provider=pkcs11 data.bin
    clean openssl list -digest-algorithms -provider pkcs11 -provider default >list.txt
    lacks '@ pkcs11' <list.txt || die "digests without the directive"
    configuration "pkcs11-digest-token = pkcs11:token=scenarios
pkcs11-module-block-operations = digest"
    refuses openssl dgst -sha256 -propquery provider=pkcs11 data.bin
    configuration "pkcs11-digest-tokens = pkcs11:token=scenarios"
    fails "did you mean pkcs11-digest-token" openssl dgst -sha256 -sign "$(uri rsa)" data.bin
}

scenario_digest_errors() {
    configuration "pkcs11-digest-token = pkcs11:token=nosuch"
    fails nosuch openssl dgst -sha256 -propquery provider=pkcs11 data.bin
    configuration "pkcs11-digest-token = pkcs11:"
    fails "several tokens fit" openssl dgst -sha256 -propquery provider=pkcs11 data.bin
    configuration "pkcs11-digest-token = pkcs11:token=scenarios"
    fails "has no digest SHA3-256" openssl dgst -sha3-256 -propquery provider=pkcs11 data.bin
}
