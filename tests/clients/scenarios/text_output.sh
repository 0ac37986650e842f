# SPDX-License-Identifier: Apache-2.0
# What scripts of pkcs11-provider's users read: "openssl storeutl -text ... | grep '^URI pkcs11:'".
# shellcheck shell=bash

# text_of COMMAND... URI: what openssl prints
text_of() { ossl "$@" -noout -text -passin "pass:$PIN"; }

# with_pin URI
with_pin() { echo "$1?pin-value=$PIN"; }

# Every object is told once, with its kind, and its URI finds just that object.
scenario_text_has_a_uri_that_can_be_pasted() {
    local uri count=0 kind
    ossl storeutl -noout -text "pkcs11:token=scenarios?pin-value=$PIN" >list
    grep '^URI pkcs11:' list | sed 's/^URI //' >uris
    sort uris | uniq -d >twice
    [ ! -s twice ] || die "told twice: $(cat twice)"
    pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" -O 2>/dev/null >objects
    for kind in "Private Key:private" "Public Key:public"; do
        grep -c ";type=${kind#*:}\$" uris >told
        grep -c "^${kind%:*} Object" objects >there
        cmp -s told there || die "${kind#*:}: $(cat told) of $(cat there)"
    done
    grep -c ";type=cert\$" uris >told
    grep -c "^Certificate Object" objects >there
    cmp -s told there || die "certificates: $(cat told) of $(cat there)"
    while read -r uri; do
        ossl storeutl -noout "$(with_pin "$uri")" >found
        holds -x "Total found: 1" <found || die "not one object: $uri"
        count=$((count + 1))
    done < <(first_under_valgrind_lines uris)
    [ "$count" -gt 0 ]
}

# first_under_valgrind_lines FILE: all of it, or the first line
first_under_valgrind_lines() {
    if [ "${VALGRIND:-0}" = 1 ]; then head -n 1 "$1"; else cat "$1"; fi
}

scenario_text_begins_with_kind_and_size() {
    local label line
    for line in "rsa RSA 2048" "ec521 EC 521" "x25519 X25519 253"; do
        # shellcheck disable=SC2086 # three words
        set -- $line
        label=$1
        text_of pkey -in "$(uri "$label")" >text
        [ "$(grep -Ec "^PKCS11 $2 Private Key \\($3 bits\\)\$" text)" = 1 ] || { cat text >&2; die "private: $label"; }
        head -n 1 text | holds "^PKCS11 " || die "not the first line: $label"
        sed -n 2p text | holds "^URI pkcs11:.*;object=$label;type=private\$" || die "the second line is not the URI: $label"
        plain pkey -pubin -in "$(public_of "$label")" -noout -text >expected
        tail -n +3 text | cmp -s - expected || die "not what OpenSSL tells of the public half: $label"
        text_of pkey -pubin -in "$(uri "$label" public)" >text
        head -n 1 text | holds -E "^PKCS11 $2 Public Key \\($3 bits\\)\$" || die "public: $label"
        sed -n 2p text | holds "^URI pkcs11:.*;object=$label;type=public\$" || die "the URI of the public key: $label"
        tail -n +3 text | cmp -s - expected || die "not what OpenSSL tells of the public key: $label"
        # The public half of a private key is no object of its own.
        ossl pkey -in "$(uri "$label")" -noout -text_pub >text
        head -n 1 text | holds -E "^PKCS11 $2 Public Key \\($3 bits\\)\$" || die "-text_pub: $label"
        tail -n +2 text | cmp -s - expected || die "not what OpenSSL tells of the public half: -text_pub: $label"
    done
}

# Each part of a URI that is printed finds the object by itself.
scenario_text_each_part_finds_the_object() {
    local part uri
    uri=$(ossl storeutl -noout -text "$(uri rsa)" | sed -n 's/^URI pkcs11://p')
    [ -n "$uri" ] || die "no URI"
    tr ';' '\n' <<<"$uri" >parts
    [ "$(wc -l <parts)" -ge 6 ] || die "too few parts: $uri"
    while read -r part; do
        case $part in
        token=* | serial=*) ossl storeutl -noout "pkcs11:$part?pin-value=$PIN" >found ;;
        *) ossl storeutl -noout "pkcs11:token=scenarios;$part?pin-value=$PIN" >found ;;
        esac
        lacks -x "Total found: 0" <found || die "finds nothing: $part"
    done <parts
}
