# SPDX-License-Identifier: Apache-2.0
# AES keys on the token with the openssl command of 3.5 (EVP_SKEY); the results are compared with software's.
# shellcheck shell=bash

# symmetric13 FIRST: openssl.cnf there, with the provider FIRST before the other
symmetric13() {
    local second=pkcs11
    [ "$1" = default ] || second=default
    printf 'openssl_conf = init\n[init]\nproviders = providers\n[providers]\n%s = %s_section\n%s = %s_section\n[default_section]\nactivate = 1\n[pkcs11_section]\nactivate = 1\npkcs11-symmetric-keys = 1\n' \
        "$1" "$1" "$second" "$second" >"$HOME13/my.cnf"
    # shellcheck disable=SC2034 # in13 reads it
    ENV13=(OPENSSL_CONF=/srv/my.cnf)
}

# aes13 CIPHER LABEL [enc options]: the command that encrypts or decrypts with the key LABEL
aes13() {
    echo "openssl enc -propquery provider=pkcs11 -$1 -skeymgmt AES -skeyopt 'pkcs11_uri:pkcs11:token=scenarios;object=$2?pin-value=$PIN' ${*:3}"
}

scenario_debian13_symmetric_keys() {
    local bits mode iv=000102030405060708090a0b0c0d0eff option
    debian13
    tokens13
    symmetric13 default
    head -c 5000 data.bin >"$HOME13/data"
    for bits in 128 192 256; do
        head -c $((bits / 8)) /dev/urandom >"$HOME13/key$bits"
        works13 "pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label scenarios --login --pin $PIN --write-object key$bits --type secrkey --key-type AES:$((bits / 8)) --label aes$bits --private --sensitive"
        for mode in ecb cbc ctr; do
            option="-iv $iv"
            [ $mode != ecb ] || option=
            works13 "$(aes13 aes-$bits-$mode aes$bits "$option" -in data -out sealed)"
            # shellcheck disable=SC2086 # the options are words
            plain enc -aes-$bits-$mode -K "$(xxd -p -c 64 "$HOME13/key$bits")" $option -in "$HOME13/data" -out expected
            cmp -s "$HOME13/sealed" expected || die "aes-$bits-$mode gives something else"
            works13 "$(aes13 aes-$bits-$mode aes$bits "$option" -d -in sealed -out opened); cmp -s opened data"
        done
    done
    # A key that the token makes.
    works13 "openssl skeyutl -propquery provider=pkcs11 -genkey -skeymgmt AES -skeyopt key-length:32 -skeyopt 'pkcs11_uri:pkcs11:token=scenarios;object=fresh?pin-value=$PIN'"
    works13 "$(aes13 aes-256-cbc fresh -iv $iv -in data -out sealed); $(aes13 aes-256-cbc fresh -iv $iv -d -in sealed -out opened); cmp -s opened data"
    refused13 "already" "openssl skeyutl -propquery provider=pkcs11 -genkey -skeymgmt AES -skeyopt key-length:32 -skeyopt 'pkcs11_uri:pkcs11:token=scenarios;object=fresh?pin-value=$PIN'"
    refused13 "no AES key fits" "$(aes13 aes-256-cbc nosuch -iv $iv -in data -out sealed)"
    refused13 "takes a key of 16 bytes" "$(aes13 aes-128-cbc fresh -iv $iv -in data -out sealed)"
    # Not asked for: not there.
    sed -i '/symmetric-keys/d' "$HOME13/my.cnf"
    refused13 "Algorithm (aes-256-cbc : " "$(aes13 aes-256-cbc fresh -iv $iv -in data -out sealed)"
}

# Keys that the token wraps, by openssl enc. openssl cms takes the key of a -secretkey as bytes only.
scenario_debian13_key_wrap() {
    local mode order
    local -A standard_iv=([id-aes256-wrap]=a6a6a6a6a6a6a6a6 [id-aes256-wrap-pad]=a65959a6) # the standards', which openssl enc of 3.0 wants
    debian13
    tokens13
    head -c 32 /dev/urandom >"$HOME13/kek"
    head -c 48 /dev/urandom >"$HOME13/secret"
    for order in default pkcs11; do
        symmetric13 $order
        works13 "openssl skeyutl -propquery provider=pkcs11 -genkey -skeymgmt AES -skeyopt key-length:32 -skeyopt pkcs11_key_usage:keyEncipherment -skeyopt 'pkcs11_uri:pkcs11:token=scenarios;object=made-$order?pin-value=$PIN'"
        for mode in id-aes256-wrap id-aes256-wrap-pad; do
            works13 "$(aes13 $mode made-$order -in secret -out wrapped); $(aes13 $mode made-$order -d -in wrapped -out unwrapped); cmp -s unwrapped secret; rm wrapped unwrapped"
            # The names that other providers' ciphers have stay theirs, and so do keys that are bytes.
            works13 "openssl enc -$mode -K $(xxd -p -c 64 "$HOME13/kek") -iv ${standard_iv[$mode]} -in secret -out wrapped"
            plain enc -d -$mode -K "$(xxd -p -c 64 "$HOME13/kek")" -iv "${standard_iv[$mode]}" -in "$HOME13/wrapped" -out unwrapped
            cmp -s unwrapped "$HOME13/secret" || die "software's $mode gives something else"
        done
    done
    works13 "pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label scenarios --login --pin $PIN --write-object kek --type secrkey --key-type AES:32 --label kek --private --sensitive --usage-wrap"
    for mode in id-aes256-wrap id-aes256-wrap-pad; do
        works13 "$(aes13 $mode kek -in secret -out wrapped)"
        plain enc -d -$mode -K "$(xxd -p -c 64 "$HOME13/kek")" -iv "${standard_iv[$mode]}" -in "$HOME13/wrapped" -out unwrapped
        cmp -s unwrapped "$HOME13/secret" || die "$mode gives something else"
    done
    refused13 "C_UnwrapKey answered" "$(aes13 id-aes256-wrap made-default -d -in wrapped -out unwrapped)"
    refused13 "multiple of 8 bytes" "head -c 31 secret >odd; $(aes13 id-aes256-wrap-pad kek -in odd -out wrapped)"
}

# What openssl kdf derives from bytes, and with SoftHSM's keys; TokenKdf derives with NSS's.
scenario_debian13_kdf() {
    local order key=000102030405060708090a0b0c0d0e0f expected
    debian13
    tokens13
    expected=$(plain kdf -keylen 40 -kdfopt digest:SHA256 -kdfopt hexkey:$key -kdfopt info:label HKDF)
    for order in default pkcs11; do
        symmetric13 $order
        works13 "[ \"\$(openssl kdf -keylen 40 -kdfopt digest:SHA256 -kdfopt hexkey:$key -kdfopt info:label HKDF)\" = $expected ]"
        works13 "[ \"\$(openssl kdf -propquery provider=pkcs11 -keylen 40 -kdfopt digest:SHA256 -kdfopt hexkey:$key -kdfopt info:label HKDF)\" = $expected ]"
    done
    works13 "openssl skeyutl -propquery provider=pkcs11 -genkey -skeymgmt GENERIC-SECRET -skeyopt key-length:48 -skeyopt 'pkcs11_uri:pkcs11:token=scenarios;object=seed?pin-value=$PIN'"
    refused13 "no CKM_HKDF_DERIVE for the secret key" "openssl kdf -propquery provider=pkcs11 -keylen 40 -kdfopt digest:SHA256 -kdfopt 'pkcs11_uri:pkcs11:token=scenarios;object=seed?pin-value=$PIN' HKDF"
}

# With the provider first its ciphers are those that programs, libssl and SoftHSM get, with keys that are bytes.
scenario_debian13_symmetric_keys_first() {
    local iv=000102030405060708090a0b0c0d0eff key=000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f port
    port=$(free_port)
    debian13
    tokens13
    symmetric13 pkcs11
    head -c 100000 /dev/urandom >"$HOME13/data"
    works13 "openssl enc -aes-256-cbc -K $key -iv $iv -in data -out sealed; openssl enc -d -aes-256-cbc -K $key -iv $iv -in sealed -out opened; cmp -s opened data"
    plain enc -aes-256-cbc -K $key -iv $iv -in "$HOME13/data" -out expected
    cmp -s "$HOME13/sealed" expected || die "software's aes-256-cbc gives something else"
    works13 "openssl dgst -sha256 -sign 'pkcs11:token=scenarios;object=rsa;type=private?pin-value=$PIN' -out sig data; OPENSSL_CONF=/dev/null openssl dgst -sha256 -verify rsa.pub.pem -signature sig data"
    works13 "openssl s_server -accept 127.0.0.1:$port -www -quiet -cert rsa.cert.pem -key 'pkcs11:token=scenarios;object=rsa;type=private?pin-value=$PIN' >server.log 2>&1 & server=\$!
        for try in \$(seq 100); do (: <'/dev/tcp/127.0.0.1/$port') 2>/dev/null && break; sleep 0.1; done
        for options in '-tls1_3' '-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256' '-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384' '-tls1_2 -cipher ECDHE-RSA-AES128-SHA256' '-tls1_2 -cipher ECDHE-RSA-AES256-SHA'; do
            for conf in /srv/my.cnf /dev/null; do
                printf 'GET / HTTP/1.0\r\n\r\n' | OPENSSL_CONF=\$conf timeout 20 openssl s_client -connect 127.0.0.1:$port -CAfile rsa.cert.pem -verify_return_error -ign_eof \$options >page 2>&1
                grep -q 'HTTP/1.0 200' page
            done
        done
        ended \$server server.log"
}
