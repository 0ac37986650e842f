# SPDX-License-Identifier: Apache-2.0
# What goes wrong says so: the command ends with an error, names the thing, keeps the PIN to itself, and does not hang.
# shellcheck shell=bash

sign_fails() { # WORDS URI
    fails "$1" openssl dgst "${PROV[@]}" -sha256 -sign "$2" -out sig data.bin
}

scenario_error_no_object() {
    sign_fails 'no private key fits pkcs11:token=scenarios;object=nosuch' "$(uri nosuch)"
    grep -q "object=[a-z0-9-]*;type=private" stderr.txt || die "does not tell what is there"
    fails "no certificate fits" openssl x509 "${PROV[@]}" -in "pkcs11:token=scenarios;object=ec256" -noout
}

scenario_error_no_token() {
    sign_fails 'no token fits pkcs11:token=nosuch' "pkcs11:token=nosuch;object=rsa?pin-value=$PIN"
    grep -q '"scenarios"' stderr.txt || die "does not tell which tokens there are"
    sign_fails 'no private key fits' "pkcs11:token=empty?pin-value=$PIN"
    local other
    for other in slot-id=0 slot-description=nosuch library-manufacturer=nosuch; do
        sign_fails "no token fits pkcs11:$other;object=rsa" "pkcs11:$other;object=rsa?pin-value=$PIN"
        grep -q '"scenarios" in slot [0-9]' stderr.txt || die "does not tell in which slot the token is: $(cat stderr.txt)"
    done
}

scenario_error_ambiguous_label() {
    built_uri2pem
    sign_fails 'several keys fit' "$(uri twin)"
    if ! grep -q 'id=%0C;object=twin' stderr.txt || ! grep -q 'id=%0D;object=twin' stderr.txt; then die "does not name both"; fi
    # What would be written down is one of them, of which nobody knows that it is the right one. A list has both.
    local command
    for command in "pkey -out key.pem" "pkey -noout -text"; do
        # shellcheck disable=SC2086 # words
        fails 'several keys fit' openssl ${command%% *} "${PROV[@]}" ${command#* } -in "$(uri twin)"
    done
    fails 'several keys fit' "$URI2PEM" --provider-path "$PROVIDER_DIR" --check -o key.pem "$(uri twin)"
    fails 'several keys fit' "$URI2PEM" --provider-path "$PROVIDER_DIR" --check -o key.pem "pkcs11:token=scenarios?pin-value=$PIN"
    [ ! -s key.pem ] || die "something was written"
    ossl storeutl -keys "$(uri twin)" >keys.pem
    [ "$(grep -c 'BEGIN PKCS#11 PROVIDER URI' keys.pem)" = 2 ] || die "the list has not both keys: $(cat keys.pem)"
    ossl dgst -sha256 -sign "pkcs11:token=scenarios;object=twin;id=%0C?pin-value=$PIN" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of twin)" -signature sig data.bin >/dev/null
}

# A wrong PIN costs one try: SoftHSM tells by a flag that the count is low, and the right PIN works still.
scenario_error_wrong_pin() {
    local key="pkcs11:token=retry;object=rsa;type=private"
    fails 'CKR_PIN_INCORRECT' openssl dgst "${PROV[@]}" -sha256 -sign "$key?pin-value=9999" -out sig data.bin
    [ "$(grep -c CKR_PIN_INCORRECT stderr.txt)" = 1 ] || die "tried more than once"
    fails 'CKR_PIN_INCORRECT' openssl dgst "${PROV[@]}" -sha256 -sign "$key" -passin pass:9999 -out sig data.bin
    "${RUNNER[@]}" openssl storeutl "${PROV[@]}" "pkcs11:token=retry?pin-value=9999" 2>stderr.txt || true # whose status is 0 all the same
    grep -q 'CKR_PIN_INCORRECT' stderr.txt || die "storeutl does not tell of the wrong PIN"
    sign_fails 'no private key fits' "$key?pin-value=$PIN" # the PIN is good, and there is no key
}

# SoftHSM hashes the PIN with OpenSSL, which has nothing to hash with then.
scenario_error_no_default_provider() {
    [ "$(openssl_major)" = 3 ] || { echo "SoftHSM has a libcrypto of its own here, with a default provider"; exit 77; }
    OPENSSL_CONF=/dev/null fails "add -provider default" openssl genpkey -provider-path "$PROVIDER_DIR" -provider pkcs11 -propquery provider=pkcs11 \
        -algorithm RSA -pkeyopt "pkcs11_uri:pkcs11:token=scenarios;object=made?pin-value=$PIN" -out made.pem
    printf 'openssl_conf = init\n[init]\nproviders = list\n[list]\npkcs11 = section\n[section]\nmodule = %s\nactivate = 1\n' "$PROVIDER" >alone.cnf
    OPENSSL_CONF=$WORK/alone.cnf fails "add -provider default" openssl pkey -in "$(uri rsa)" -noout
}

scenario_error_missing_pin() {
    sign_fails 'no PIN for token "scenarios"' "pkcs11:token=scenarios;object=rsa;type=private"
    # An empty PIN is none, and costs no try.
    local key="pkcs11:token=scenarios;object=rsa;type=private" none='no PIN for token "scenarios"'
    sign_fails "$none" "$key?pin-value="
    PKCS11_PIN="" sign_fails "$none" "$key"
    fails "$none" openssl dgst "${PROV[@]}" -sha256 -passin pass: -sign "$key" -out sig data.bin
    PKCS11_PIN=$PIN ossl dgst -sha256 -sign "$key?pin-value=" -out sig data.bin
    sign_fails 'cannot open the PIN file' "pkcs11:token=scenarios;object=rsa?pin-source=$WORK/nosuch"
    grep -q 'No such file' stderr.txt || die "does not say why"
    sign_fails 'has no file with the serial number or the label of token "scenarios"' "pkcs11:token=scenarios;object=rsa?pin-source=$WORK"
    (umask 077 && echo "$PIN" >pin.txt)
    ossl dgst -sha256 -sign "$key?pin-source=file://localhost$WORK/pin.txt" -out sig data.bin
    PKCS11_PROVIDER_DEBUG=file:/nosuch/log sign_fails 'PKCS11_PROVIDER_DEBUG does not accept the value "file:/nosuch/log": use' "$(uri rsa)"
    sign_fails 'command' "pkcs11:token=scenarios;object=rsa?pin-source=%7Ccat%20pin"
}

# The key is there, and what is wanted of it is not: no list of what there is instead, in which it would stand.
scenario_error_public_half_not_on_token() {
    # Later versions take the private key, and leave out what they can't write.
    [[ $(openssl version) =~ ^OpenSSL\ 3\.[0-4]\. ]] || { echo "OpenSSL 3.5 asks otherwise"; exit 77; }
    fails "the public half is not on the token" openssl pkey "${PROV[@]}" -pubin -in "$(uri bare-ec)" -noout
    grep -q 'object=bare-ec;type=private' stderr.txt || die "does not name the key: $(cat stderr.txt)"
    lacks 'there are' <stderr.txt || die "lists other keys: $(cat stderr.txt)"
}

scenario_error_module() {
    PKCS11_PROVIDER_MODULE=$WORK/nosuch.so sign_fails "nosuch.so" "$(uri rsa)"
    echo "this is no shared object" >text.so
    PKCS11_PROVIDER_MODULE=$WORK/text.so sign_fails "text.so" "$(uri rsa)"
    local libc
    libc=$(ldd "$(command -v openssl)" | awk '/libc\.so/ { print $3 }')
    PKCS11_PROVIDER_MODULE=$libc sign_fails "libc.so" "$(uri rsa)"
}

scenario_error_malformed_uri() {
    sign_fails '"token" is given twice' "pkcs11:token=a;token=b"
    sign_fails '"type" is not one of' "pkcs11:type=secret"
    sign_fails '"colour" is unknown' "pkcs11:colour=red"
    sign_fails '"token" is too long' "pkcs11:token=$(printf 'x%.0s' {1..40})"
    sign_fails '"object" has a NUL' "pkcs11:object=a%00b"
    sign_fails 'invalid pkcs11 URI' "pkcs11:object=%4"
    sign_fails 'invalid pkcs11 URI' "pkcs11:object=$(head -c 70000 /dev/zero | tr '\0' x)"
    sign_fails '"slot-id"' "pkcs11:slot-id=99999999999999999999"
}

scenario_error_unknown_option() {
    fails '"lots" is not a PSS salt length' openssl dgst "${PROV[@]}" -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:lots -sign "$(uri rsa)" -out sig data.bin
    fails "a salt length needs PSS padding" openssl dgst "${PROV[@]}" -sha256 -sigopt rsa_pss_saltlen:20 -sigopt rsa_padding_mode:pss -sign "$(uri rsa)" -out sig data.bin
    fails "unsupported RSA signature padding x931" openssl pkeyutl "${PROV[@]}" -sign -inkey "$(uri rsa)" -pkeyopt rsa_padding_mode:x931 -in data.bin
}
