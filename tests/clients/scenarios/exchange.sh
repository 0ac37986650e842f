# SPDX-License-Identifier: Apache-2.0
# Key agreement: pkeyutl, cms with EC recipients, TLS. What the provider makes is compared with, or read by, software.
# shellcheck shell=bash

EC_LABELS=(ec256 ec384 ec521 secp256k1 brainpool)
ORDERS=("-provider pkcs11 -provider default" "-provider default -provider pkcs11")

# ordered ORDER COMMAND...: the openssl command with the providers in that order
ordered() {
    local order=$1 command=$2
    shift 2
    # shellcheck disable=SC2086 # the order is words
    clean openssl "$command" -provider-path "$PROVIDER_DIR" $order "$@"
}

curve_of() { openssl pkey -in "$TOKENS/$1.pem" -noout -text | sed -n 's/^ASN1 OID: //p'; }

make_peer() { # LABEL of a key on the same curve
    plain genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$(curve_of "$1")" -out peer.pem
    plain pkey -in peer.pem -pubout -out peer.pub.pem
}

derives() { # LABEL pkeyutl options
    local label=$1 order
    shift
    plain pkeyutl -derive -inkey "$TOKENS/$label.pem" -peerkey peer.pub.pem "$@" -out expected
    for order in "${ORDERS[@]}"; do
        ordered "$order" pkeyutl -derive -inkey "$(uri "$label")" -peerkey peer.pub.pem "$@" -out secret
        cmp -s secret expected || die "pkeyutl -derive gives something else: $label $order $*"
    done
}

scenario_pkeyutl_derive() {
    local label
    for label in $(first_under_valgrind "${EC_LABELS[@]}"); do
        make_peer "$label"
        derives "$label"
    done
    make_peer ec256
    derives ec256 -pkeyopt ecdh_cofactor_mode:1
    derives ec256 -pkeyopt kdf-type:X963KDF -pkeyopt kdf-digest:SHA256 -pkeyopt kdf-outlen:32
    derives ec256 -pkeyopt kdf-type:X963KDF -pkeyopt ecdh_kdf_md:sha384 -pkeyopt kdf-outlen:100 -pkeyopt hexkdf-ukm:00c0ffee
    # The other side, without the token.
    plain pkeyutl -derive -inkey peer.pem -peerkey "$(public_of ec256)" -out expected
    ossl pkeyutl -derive -inkey "$(uri ec256)" -peerkey peer.pub.pem -out secret
    cmp -s secret expected || die "the two sides do not agree"
    # The peer's public key is on the token.
    plain pkeyutl -derive -inkey "$TOKENS/ec256.pem" -peerkey "$(public_of ec256)" -out expected
    ossl pkeyutl -derive -inkey "$(uri ec256)" -peerkey "$(uri ec256 public)" -out secret
    cmp -s secret expected || die "a peer on the token"
}

scenario_pkeyutl_derive_software_keys() {
    local order
    make_peer ec384
    plain pkeyutl -derive -inkey "$TOKENS/ec384.pem" -peerkey peer.pub.pem -out expected
    for order in "${ORDERS[@]}"; do
        ordered "$order" pkeyutl -derive -inkey "$TOKENS/ec384.pem" -peerkey peer.pub.pem -out secret
        cmp -s secret expected || die "agreement of keys in files: $order"
    done
}

scenario_derive_refused() {
    make_peer ec384
    fails "the peer's key is on secp384r1, and the private key on prime256v1" openssl pkeyutl "${PROV[@]}" -derive -inkey "$(uri ec256)" -peerkey peer.pub.pem -out secret
    make_peer ec256
    fails "its CKA_DERIVE is false" openssl pkeyutl "${PROV[@]}" -derive -inkey "$(uri withcert)" -peerkey peer.pub.pem -out secret
    fails "unknown KDF" openssl pkeyutl "${PROV[@]}" -derive -inkey "$(uri ec256)" -peerkey peer.pub.pem -pkeyopt kdf-type:HKDF -out secret
}

same_content() { cmp -s content data.bin || die "$*"; }

scenario_cms_ec_recipient() {
    local label order options
    for label in $(first_under_valgrind "${EC_LABELS[@]}"); do
        for options in "" "-keyopt ecdh_kdf_md:sha256" "-keyopt ecdh_kdf_md:sha512 -keyopt ecdh_cofactor_mode:0"; do
            # shellcheck disable=SC2086 # the options are words
            plain cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail -recip "$(certificate_of "$label")" $options
            for order in "${ORDERS[@]}"; do
                ordered "$order" cms -decrypt -binary -inform DER -in mail -inkey "$(uri "$label")" -recip "$(certificate_of "$label")" -out content
                same_content "cms -decrypt with the certificate: $label $order $options"
                ordered "$order" cms -decrypt -binary -inform DER -in mail -inkey "$(uri "$label")" -out content
                same_content "cms -decrypt without the certificate: $label $order $options"
                # shellcheck disable=SC2086 # the options are words
                ordered "$order" cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail2 -recip "$(certificate_of "$label")" $options
                plain cms -decrypt -binary -inform DER -in mail2 -inkey "$TOKENS/$label.pem" -recip "$(certificate_of "$label")" -out content
                same_content "cms -encrypt with the provider active: $label $order $options"
            done
        done
    done
}

# The certificate is read off the token, or the public half is nowhere but in the certificate's file.
scenario_cms_ec_recipient_without_public_object() {
    plain cms -encrypt -binary -aes-128-cbc -in data.bin -outform DER -out mail -recip "$(certificate_of bare-ec)"
    ossl cms -decrypt -binary -inform DER -in mail -inkey "$(uri bare-ec)" -recip "$(certificate_of bare-ec)" -out content
    same_content "cms -decrypt with a key without a public object"
}

scenario_cms_ec_and_rsa_recipients() {
    plain cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail -recip "$(certificate_of rsa)" -recip "$(certificate_of ec256)" -recip "$(certificate_of ec384)"
    local label
    for label in rsa ec256 ec384; do
        ossl cms -decrypt -binary -inform DER -in mail -inkey "$(uri $label)" -recip "$(certificate_of $label)" -out content
        same_content "cms -decrypt for $label among several recipients"
    done
}

# Ephemeral keys are none of the token's business, whatever the order of the providers.
scenario_tls_groups() {
    local order group
    for order in "${ORDERS[@]}"; do
        # shellcheck disable=SC2034,SC2206 # start_server reads it; the order is words
        SERVER_PROV=(-provider-path "$PROVIDER_DIR" $order)
        start_server -cert "$(certificate_of ec256)" -key "$(uri ec256)"
        for group in P-256 P-384 P-521 X25519 X448; do
            handshake "$(certificate_of ec256)" -tls1_3 -groups $group
            [ $group = P-256 ] || handshake "$(certificate_of ec256)" -tls1_2 -groups $group:P-256 # the certificate's is needed
            # The client has the provider, too.
            # shellcheck disable=SC2086 # the order is words
            printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 "${RUNNER[@]}" openssl s_client -provider-path "$PROVIDER_DIR" $order -connect "127.0.0.1:$PORT" -tls1_3 -groups $group -CAfile "$(certificate_of ec256)" -verify_return_error -ign_eof >client.log 2>client.err || { cat client.err >&2; die "client with the provider: $order $group"; }
            grep -q "HTTP/1.0 200" client.log || die "no page: $order $group"
        done
        stop_server
    done
}
