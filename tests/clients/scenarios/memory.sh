# The main commands once more, for valgrind: no invalid access, before, in or after main. Also a plain test.
# shellcheck shell=bash

scenario_valgrind_commands() {
    ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    ossl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign "$(uri rsa)" -out sig data.bin
    ossl dgst -sha256 -sign "$(uri ec256)" -out sig data.bin
    ossl dgst -sha256 -verify "$(uri ec256)" -signature sig data.bin >/dev/null
    ossl pkeyutl -sign -rawin -inkey "$(uri ed25519)" -in data.bin -out sig
    ossl cms -sign -binary -in data.bin -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" -outform DER -out signed
    head -c 32 data.bin >secret
    for options in "rsa_padding_mode:pkcs1" "rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256"; do
        # shellcheck disable=SC2086 # the options are words
        plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -pkeyopt $options -in secret -out encrypted
        # shellcheck disable=SC2086
        ossl pkeyutl -decrypt -inkey "$(uri rsa)" -pkeyopt $options -in encrypted -out decrypted
        cmp -s secret decrypted || die "decryption: $options"
    done
    ossl req -new -x509 -key "$(uri ec256)" -subj /CN=self -out self.pem
    ossl pkey -in "$(uri rsa)" -text -out key.pem
    ossl storeutl -noout "pkcs11:token=scenarios?pin-value=$PIN" >/dev/null
    fails "no private key fits" openssl dgst "${PROV[@]}" -sha256 -sign "$(uri nosuch)" -out sig data.bin
    fails "is unknown" openssl dgst "${PROV[@]}" -sha256 -sign "pkcs11:colour=red" -out sig data.bin
    { printf "\0"; head -c 255 data.bin; } >noise
    fails "decryption failed" openssl pkeyutl "${PROV[@]}" -decrypt -inkey "$(uri rsa)" -pkeyopt rsa_padding_mode:oaep -in noise -out decrypted
}

# Programs end with their own status, whatever they leave behind and whether OpenSSL cleans up or not.
scenario_exit_status() {
    export OPENSSL_MODULES=$PROVIDER_DIR
    local end status label
    for end in clean-up no-atexit; do
        for label in rsa ec256; do
            status=0
            timeout 60 "${RUNNER[@]}" "$LEAKY_PROGRAM" "$(uri $label)" $end 2>stderr.txt || status=$?
            [ "$status" = 42 ] || { cat stderr.txt >&2; die "status $status instead of 42: $end"; }
            [ ! -s stderr.txt ] || { cat stderr.txt >&2; die "says something at its end: $end"; }
        done
    done
}
