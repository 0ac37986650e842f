# SPDX-License-Identifier: Apache-2.0
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

# Memcheck reports each jump and each address that depends on what C_Decrypt gave. On a token that has no raw RSA, its result
# is a secret, too; and there the log is on.
scenario_decryption_without_branches() {
    needs "valgrind" valgrind
    [ -n "${SECRET_DECRYPTION:-}" ] || { echo "valgrind/memcheck.h is not installed"; exit 77; }
    # shellcheck disable=SC2034 # clean reads them
    local RUNNER=(valgrind -q --error-exitcode=99 --suppressions="$SOURCE/tests/clients/declassified.supp") PATIENCE=120
    export OPENSSL_MODULES=$PROVIDER_DIR PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE
    PKCS11_TEST_MARK_DECRYPTED=block clean "$SECRET_DECRYPTION" "$(uri rsa)" "$(public_of rsa)" SHA256
    PKCS11_TEST_MARK_DECRYPTED=answer PKCS11_TEST_HIDE_MECHANISMS=0x3 PKCS11_PROVIDER_DEBUG=file:$WORK/log.txt,level:2 \
        clean "$SECRET_DECRYPTION" "$(uri rsa)" "$(public_of rsa)"
    grep -q C_Decrypt log.txt || die "nothing was logged"
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

# A core dump of a program that has logged in, and could again, has no PIN.
scenario_core_dump_has_no_pin() {
    command -v gcore >/dev/null || { echo "gdb is not installed"; exit 77; }
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "not with a sanitizer's shadow memory in the dump"; exit 77; }
    local secret=hygiene-8231-word token="pkcs11:token=hygiene;object=key;type=private" how
    softhsm2-util --init-token --free --label hygiene --pin "$secret" --so-pin 5678 >/dev/null
    softhsm2-util --import "$TOKENS/ec256.pem" --token hygiene --label key --id 01 --pin "$secret" >/dev/null
    echo "$secret" >pin.txt
    chmod 600 pin.txt
    for how in source directive asked; do
        case $how in
        source) configuration "" && set -- "$token?pin-source=file:$WORK/pin.txt" ;;
        directive) configuration "pkcs11-module-token-pin = file:$WORK/pin.txt" && set -- "$token" ;;
        asked) configuration "" && set -- "$token" "$WORK/pin.txt" ;;
        esac
        "$PIN_HOLDER" "$@" >holder.log 2>&1 &
        local holder=$!
        for _ in $(seq 100); do
            if grep -q ready holder.log; then break; fi
            kill -0 $holder || { cat holder.log >&2; die "no signature: $how"; }
            sleep 0.1
        done
        gcore -o core $holder >gcore.log 2>&1 || { cat gcore.log >&2; die "no core dump"; }
        ended $holder holder.log
        grep -q "token=hygiene" "core.$holder" || die "the core dump has not even the URI"
        lacks -a "$secret" <"core.$holder" || die "the core dump has the PIN: $how"
        rm "core.$holder"
    done
}
