# SPDX-License-Identifier: Apache-2.0
# X25519 and X448: keys on the token, and the software keys of everybody else, with the provider before and after default.
# shellcheck shell=bash

scenario_xdh_pkeyutl_derive() {
    local label order
    for label in $(first_under_valgrind x25519 x448); do
        plain genpkey -algorithm "${label^^}" -out peer.pem
        plain pkey -in peer.pem -pubout -out peer.pub.pem
        plain pkeyutl -derive -inkey "$TOKENS/$label.pem" -peerkey peer.pub.pem -out expected
        for order in "${ORDERS[@]}"; do
            ordered "$order" pkeyutl -derive -inkey "$(uri "$label")" -peerkey peer.pub.pem -out secret
            cmp -s secret expected || die "the token's side: $label $order"
            ordered "$order" pkeyutl -derive -inkey peer.pem -peerkey "$(public_of "$label")" -out secret
            cmp -s secret expected || die "keys in files: $label $order"
            ordered "$order" pkeyutl -derive -inkey peer.pem -peerkey "$(uri "$label" public)" -out secret
            cmp -s secret expected || die "the peer's key on the token: $label $order"
        done
    done
}

scenario_xdh_keys_are_told() {
    local label words="operation not supported for this keytype"
    [ "$(openssl_major)" = 3 ] || words=unsupported # as of a key in software
    for label in x25519 x448; do
        ossl pkey -in "$(uri "$label")" -pubout -out public.pem
        cmp -s public.pem "$(public_of "$label")" || die "another public key: $label"
        ossl pkey -in "$(uri "$label")" -text -noout -out text
        grep -q "PKCS11 ${label^^} Private Key" text || die "pkey -text: $label"
        # A reference in a file is as good as the URI.
        ossl pkey -in "$(uri "$label")" -out reference.pem
        plain pkeyutl -derive -inkey "$TOKENS/$label.pem" -peerkey "$(public_of "$label")" -out expected
        ossl pkeyutl -derive -inkey reference.pem -passin "pass:$PIN" -peerkey "$(public_of "$label")" -out secret
        cmp -s secret expected || die "a reference: $label"
        ossl storeutl -noout "$(uri "$label")" >/dev/null
        fails "operation not supported for this keytype" openssl dgst "${PROV[@]}" -sign "$(uri "$label")" -out signature data.bin
        fails "$words" openssl pkeyutl "${PROV[@]}" -decrypt -inkey "$(uri "$label")" -in data.bin -out content
        fails "$words" openssl pkeyutl -decrypt -inkey "$TOKENS/$label.pem" -in data.bin -out content
    done
}

# OpenSSL has no CMS for X25519 (RFC 8418) up to 3.5: it says of these keys what it says of those in files.
scenario_xdh_cms_is_refused_as_in_software() {
    plain req -x509 -new -key "$TOKENS/ec256.pem" -subj /CN=ca -out ca.pem
    plain req -new -key "$TOKENS/ec256.pem" -subj /CN=x -out x.csr
    plain x509 -req -in x.csr -force_pubkey "$(public_of x25519)" -CA ca.pem -CAkey "$TOKENS/ec256.pem" -days 10 -out x.pem 2>/dev/null
    local command=(cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail -recip x.pem) words
    # Versions say different things of it.
    refuses openssl "${command[@]}" 2>stderr.txt
    words=$(sed -n 's/^[0-9A-F]*:error:[0-9A-F]*:[^:]*:[^:]*:\([^:]*\):.*/\1/p' stderr.txt | head -n 1)
    [[ $words = "operation not supported for this keytype" || $words = "illegal zero content" ]] || die "refused in software for another reason: $words"
    fails "$words" openssl "${command[@]}" "${PROV[@]}"
}

scenario_xdh_keys_are_generated_as_without_the_provider() {
    local order algorithm
    for order in "${ORDERS[@]}"; do
        for algorithm in X25519 X448; do
            ordered "$order" genpkey -algorithm $algorithm -out made.pem
            plain pkey -in made.pem -noout -check >/dev/null
            ordered "$order" pkey -in made.pem -out again.pem
            cmp -s made.pem again.pem || die "pkey changes a key in a file: $algorithm $order"
        done
    done
}

scenario_debian13_xdh() {
    debian13
    tokens13
    cp "$TOKENS"/x{25519,448}.pem "$HOME13"
    # shellcheck disable=SC2016 # the inner shell expands
    works13 '
        for label in x25519 x448; do
            openssl genpkey -algorithm $label -out peer.pem
            openssl pkey -in peer.pem -pubout -out peer.pub.pem
            openssl pkeyutl -derive -inkey $label.pem -peerkey peer.pub.pem -out expected
            for order in "-provider pkcs11 -provider default" "-provider default -provider pkcs11"; do
                uri="pkcs11:token=scenarios;object=$label;type=private?pin-value=1234"
                openssl pkeyutl -provider-path /mnt $order -derive -inkey "$uri" -peerkey peer.pub.pem -out secret
                cmp secret expected
                openssl pkeyutl -provider-path /mnt $order -derive -inkey peer.pem -peerkey $label.pub.pem -out secret
                cmp secret expected
                openssl genpkey -provider-path /mnt $order -algorithm $label -out made.pem
                openssl pkey -in made.pem -noout -check
            done
        done'
    # The groups of TLS, the hybrid ones of 3.5 among them, which make keys of their parts.
    # shellcheck disable=SC2016 # the inner shell expands
    works13 "port=$(free_port)"'
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost 2>/dev/null
        for order in "-provider pkcs11 -provider default" "-provider default -provider pkcs11"; do
            openssl s_server -provider-path /mnt $order -accept $port -key key.pem -cert cert.pem -www -quiet -groups X25519:X448:P-256:X25519MLKEM768:SecP256r1MLKEM768 >server.log 2>&1 &
            server=$!
            for try in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
            for group in X25519 X448 P-256 X25519MLKEM768 SecP256r1MLKEM768; do
                echo Q | openssl s_client -provider-path /mnt $order -connect 127.0.0.1:$port -groups $group -CAfile cert.pem -verify_return_error >client.log 2>&1 || { cat client.log; exit 1; }
            done
            ended $server server.log
        done'
}
