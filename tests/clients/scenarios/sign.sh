# SPDX-License-Identifier: Apache-2.0
# Signatures: dgst, pkeyutl, cms (the SignPath guide's commands among them).
# shellcheck shell=bash

sign_and_verify() { # LABEL DIGEST [dgst options]
    local label=$1 digest=$2
    shift 2
    ossl dgst "-$digest" "$@" -sign "$(uri "$label")" -out sig data.bin
    plain dgst "-$digest" "$@" -verify "$(public_of "$label")" -signature sig data.bin >/dev/null
}

scenario_dgst_rsa() {
    for digest in $(first_under_valgrind sha256 sha1 sha224 sha384 sha512 sha512-224 sha512-256 sha3-224 sha3-256 sha3-384 sha3-512 ripemd160); do sign_and_verify rsa "$digest"; done
    sign_and_verify rsa3072 sha384
    # The digest's other names, and a length that no buffer holds at once.
    for digest in $(first_under_valgrind SHA2-256 SHA-256 SHA256); do
        plain dgst -sha256 -binary -out hash data.bin
        ossl pkeyutl -sign -inkey "$(uri rsa)" -in hash -out sig -pkeyopt "digest:$digest"
        plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    done
    head -c 50000000 /dev/zero >data.bin
    sign_and_verify rsa sha256
    sign_and_verify ec256 sha256
}

scenario_dgst_rsa_pss() {
    local length
    for length in $(first_under_valgrind digest auto max -1 -2 -3 0 20); do
        ossl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$length" -sign "$(uri rsa)" -out sig data.bin
        case $length in
        digest | -1) wanted=32 ;; auto | max | -2 | -3) wanted=222 ;; *) wanted=$length ;;
        esac
        plain dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:"$wanted" -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    done
    # Hash and MGF1 hash of different kinds, and hashes that PKCS#11 has no number for: padding in the host.
    sign_and_verify rsa sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1 -sigopt rsa_pss_saltlen:11
    sign_and_verify rsa sha3-256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
    sign_and_verify rsa ripemd160 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
}

scenario_dgst_ec() {
    for label in $(first_under_valgrind ec256 ec384 ec521 secp256k1 brainpool); do
        for digest in $(first_under_valgrind sha256 sha1 sha224 sha384 sha512 sha3-384); do sign_and_verify "$label" "$digest"; done
    done
}

scenario_dgst_key_with_bare_slash_id() {
    local sign
    for sign in "pkcs11:token=scenarios;id=project/policy;type=private?pin-value=$PIN" \
        "pkcs11:token=scenarios;id=project/policy;type=private;pin-value=$PIN"; do
        ossl dgst -sign "$sign" -sha256 -out sig data.bin
        plain dgst -sha256 -verify "$(public_of project)" -signature sig data.bin >/dev/null
    done
}

# The README's first signature, as it stands but for what installs and builds.
scenario_readme_first_signature() {
    local module
    sed -n '/^## A first signature/,/^## /{s/^    //p}' "$SOURCE/README.md" | grep -Ev '^(scripts/|cmake )' >readme.sh
    [ "$(grep -c openssl readme.sh)" -ge 4 ] || die "the README has no commands"
    module=$(grep -o '/usr/lib[^ ]*libsofthsm2.so' readme.sh)
    [ -e "$module" ] || { echo "this system's SoftHSM is not at $module"; exit 77; }
    p11-kit list-modules 2>/dev/null | holds softhsm || { echo "SoftHSM is not registered with p11-kit"; exit 77; }
    unset PKCS11_PROVIDER_MODULE SOFTHSM2_CONF
    cp "$SOURCE/README.md" .
    mkdir build
    ln -s "$PROVIDER_DIR" build/release
    openssl() { clean openssl "$@"; }
    # shellcheck source=/dev/null
    . ./readme.sh >said.txt
    unset -f openssl
    plain dgst -sha256 -verify build/demo/public.pem -signature build/demo/README.sig README.md >/dev/null
    holds "object=release-key;type=private" <said.txt || { cat said.txt >&2; die "the key is not listed"; }
}

# The commands of SignPath's guide as they stand there, but for the engine: the URI names no token, for there is only one, and the
# PIN is in the configuration.
scenario_signpath_guide() {
    local key="pkcs11:id=project/policy;type=private" other
    for other in empty retry; do
        softhsm2-util --delete-token --token $other >deleted 2>&1 || { cat deleted >&2; die "softhsm2-util"; }
    done
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE
pkcs11-module-token-pin = $PIN"
    unset PKCS11_PROVIDER_MODULE
    cp data.bin artifact.bin
    plain dgst -sha256 -binary -out artifact.hash.bin artifact.bin
    cp "$(certificate_of project)" certificate.pem
    clean openssl dgst -sign "$key" -sha256 -out artifact.sig artifact.bin
    plain dgst -sha256 -verify "$(public_of project)" -signature artifact.sig artifact.bin >/dev/null
    clean openssl pkeyutl -inkey "$key" -sign -in artifact.hash.bin -out artifact.sig -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pkcs1
    plain dgst -sha256 -verify "$(public_of project)" -signature artifact.sig artifact.bin >/dev/null
    clean openssl pkeyutl -inkey "$key" -sign -in artifact.hash.bin -out artifact.sig -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:-1 -pkeyopt rsa_mgf1_md:sha256
    plain dgst -sha256 -verify "$(public_of project)" -sigopt rsa_padding_mode:pss -signature artifact.sig artifact.bin >/dev/null
    clean openssl cms -signer certificate.pem -inkey "$key" -sign -binary -in artifact.bin -noattr -out artifact.sig -outform PEM
    plain cms -verify -binary -inform PEM -in artifact.sig -content artifact.bin -CAfile certificate.pem -purpose any -out verified 2>/dev/null
    cmp -s verified artifact.bin || die "cms"
}

scenario_dgst_key_without_public_object() {
    sign_and_verify bare-rsa sha256
    sign_and_verify bare-ec sha256
    sign_and_verify withcert sha256
}

scenario_dgst_pss_only_key() {
    pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --read-object --type pubkey --label pssonly -o pub.der >/dev/null 2>&1
    plain rsa -pubin -inform DER -in pub.der -out pub.pem 2>/dev/null
    ossl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign "$(uri pssonly)" -out sig data.bin
    plain dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify pub.pem -signature sig data.bin >/dev/null
    fails "PSS" openssl dgst "${PROV[@]}" -sha256 -sign "$(uri pssonly)" -out sig data.bin
    local key
    key="$(uri pssonly)&x-key-type=RSA-PSS" # of which PSS is the default
    ossl dgst -sha256 -sign "$key" -out sig data.bin
    plain dgst -sha256 -sigopt rsa_padding_mode:pss -verify pub.pem -signature sig data.bin >/dev/null
    fails "PSS" openssl dgst "${PROV[@]}" -sha256 -sigopt rsa_padding_mode:pkcs1 -sign "$key" -out sig data.bin
    ossl req -new -x509 -key "$key" -subj /CN=pss -days 30 -out pss.cert.pem
    plain x509 -in pss.cert.pem -noout -text | holds "Public Key Algorithm: rsassaPss" || die "the certificate is not of a PSS key"
    plain verify -CAfile pss.cert.pem pss.cert.pem >/dev/null
}

scenario_dgst_verify() {
    ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    # By the public key's URI, by the private key's, and without a type; the PIN is needed for none of them.
    for which in "object=rsa;type=public" "object=rsa;type=private?pin-value=$PIN" "object=rsa;type=private" "object=rsa"; do
        ossl dgst -sha256 -verify "pkcs11:token=scenarios;$which" -signature sig data.bin >/dev/null
    done
    cp data.bin other.bin && echo x >>other.bin
    for which in "$(uri rsa public)" "$(uri rsa)"; do
        fails "bad signature" openssl dgst "${PROV[@]}" -sha256 -verify "$which" -signature sig other.bin
        grep -q "^Verification failure" stdout.txt || die "a wrong signature is not called one: $which"
    done
    ossl dgst -sha256 -sign "$(uri withcert)" -out sig data.bin
    ossl dgst -sha256 -verify "pkcs11:token=scenarios;object=withcert;type=cert" -signature sig data.bin >/dev/null
}

scenario_pkeyutl_sign() {
    plain dgst -sha256 -binary -out hash data.bin
    ossl pkeyutl -inkey "$(uri project)" -sign -in hash -out sig -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pkcs1
    plain pkeyutl -verify -pubin -inkey "$(public_of project)" -in hash -sigfile sig -pkeyopt digest:sha256 >/dev/null
    ossl pkeyutl -inkey "$(uri project)" -sign -in hash -out sig -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:-1 -pkeyopt rsa_mgf1_md:sha256
    plain pkeyutl -verify -pubin -inkey "$(public_of project)" -in hash -sigfile sig -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32 -pkeyopt rsa_mgf1_md:sha256 >/dev/null
    ossl pkeyutl -inkey "$(uri rsa)" -sign -in hash -out sig # no digest: the data is padded as it is
    plain pkeyutl -verify -pubin -inkey "$(public_of rsa)" -in hash -sigfile sig >/dev/null
    ossl pkeyutl -verifyrecover -pubin -inkey "$(uri rsa public)" -in sig -out recovered
    cmp -s hash recovered || die "verifyrecover gives something else"
    ossl pkeyutl -inkey "$(uri ec256)" -sign -in hash -out sig -pkeyopt digest:sha256
    plain pkeyutl -verify -pubin -inkey "$(public_of ec256)" -in hash -sigfile sig >/dev/null
    fails "too long" openssl pkeyutl "${PROV[@]}" -inkey "$(uri rsa)" -sign -in data.bin -out sig -pkeyopt digest:sha256
    head -c 20 hash >short
    fails "20 bytes" openssl pkeyutl "${PROV[@]}" -inkey "$(uri rsa)" -sign -in short -out sig -pkeyopt digest:sha256
}

scenario_pkeyutl_ed25519() {
    pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --read-object --type pubkey --label ed25519 -o point >/dev/null 2>&1
    ossl pkey -in "$(uri ed25519)" -pubout -out pub.pem
    # The public key as another program reads it off the token.
    plain pkey -pubin -in point -out point.pem # newer ones write DER
    cmp -s point.pem pub.pem || die "another public key than pkcs11-tool reads"
    ossl pkeyutl -sign -rawin -inkey "$(uri ed25519)" -in data.bin -out sig
    plain pkeyutl -verify -rawin -pubin -inkey pub.pem -in data.bin -sigfile sig >/dev/null
    ossl req -new -x509 -key "$(uri ed25519)" -subj /CN=ed -out ed.cert.pem
    plain verify -CAfile ed.cert.pem ed.cert.pem >/dev/null
}

# Edwards keys that were made in software: ed25519 and ed448.
scenario_pkeyutl_edwards_imported() {
    use_tokens odd-tokens
    local curve key
    for curve in ed25519 ed448; do
        key="pkcs11:object=$curve;type=private?pin-value=$PIN"
        ossl pkey -in "$key" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of odd-$curve)" || die "another public key: $curve"
        ossl pkeyutl -sign -rawin -inkey "$key" -in data.bin -out sig
        plain pkeyutl -verify -rawin -pubin -inkey "$(public_of odd-$curve)" -in data.bin -sigfile sig >/dev/null
        # Both curves sign without chance: the software key gives the very same bytes.
        plain pkeyutl -sign -rawin -inkey "$TOKENS/odd-$curve.pem" -in data.bin -out expected
        cmp -s sig expected || die "another signature than software makes: $curve"
    done
}

# PKCS#1 has no chance in it either: the token's signatures are, byte by byte, software's.
scenario_dgst_same_bytes_as_software() {
    local digest
    for digest in $(first_under_valgrind sha256 sha1 sha3-256 ripemd160); do
        ossl dgst "-$digest" -sign "$(uri rsa)" -out sig data.bin
        plain dgst "-$digest" -sign "$TOKENS/rsa.pem" -out expected data.bin
        cmp -s sig expected || die "another signature than software makes: $digest"
    done
}

scenario_pkeyutl_rawin() {
    ossl pkeyutl -sign -rawin -digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:20 -inkey "$(uri rsa)" -in data.bin -out sig
    plain dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    for label in rsa ec384; do
        ossl pkeyutl -sign -rawin -digest sha384 -inkey "$(uri $label)" -in data.bin -out sig
        plain dgst -sha384 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
    done
}

cms_verifies() { # FORM LABEL [content]
    plain cms -verify -binary -inform "$1" -in signed -CAfile "$(certificate_of "$2")" -purpose any ${3:+-content "$3"} -out content >/dev/null 2>&1
    cmp -s content data.bin || die "cms gives another content"
}

scenario_cms_sign() {
    local label form
    # The guide's command, then the others.
    ossl cms -signer "$(certificate_of project)" -inkey "pkcs11:token=scenarios;id=project/policy;type=private?pin-value=$PIN" -sign -binary -in data.bin -noattr -out signed -outform PEM
    cms_verifies PEM project data.bin
    for label in $(first_under_valgrind rsa ec256); do
        for form in $(first_under_valgrind DER PEM SMIME); do
            ossl cms -sign -binary -in data.bin -signer "$(certificate_of "$label")" -inkey "$(uri "$label")" -outform "$form" -nodetach -out signed
            cms_verifies "$form" "$label"
            ossl cms -sign -binary -in data.bin -signer "$(certificate_of "$label")" -inkey "$(uri "$label")" -outform "$form" -out signed
            # A detached S/MIME mail has its content beside the signature, in the same file.
            if [ "$form" = SMIME ]; then cms_verifies "$form" "$label"; else cms_verifies "$form" "$label" data.bin; fi
        done
        ossl cms -sign -binary -in data.bin -signer "$(certificate_of "$label")" -inkey "$(uri "$label")" -outform DER -md sha512 -out signed
        cms_verifies DER "$label" data.bin
        ossl cms -sign -binary -noattr -in data.bin -signer "$(certificate_of "$label")" -inkey "$(uri "$label")" -outform DER -out signed
        cms_verifies DER "$label" data.bin
    done
}

# Another content must not do: what the checks above rest on.
scenario_cms_other_content() {
    ossl cms -sign -binary -in data.bin -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" -outform DER -out signed
    { cat data.bin; echo x; } >other.bin
    refuses env OPENSSL_CONF="$TOKENS/plain.cnf" openssl cms -verify -binary -inform DER -in signed -CAfile "$(certificate_of rsa)" -purpose any -content other.bin -out content 2>said
    grep -qi "digest failure\|verification failure" said || { cat said >&2; die "refused for another reason"; }
}

# Two signers, whose keys are both on the token, and a third one later.
scenario_cms_several_signers() {
    ossl cms -sign -binary -nodetach -in data.bin -outform DER -out signed \
        -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" -signer "$(certificate_of ec256)" -inkey "$(uri ec256)"
    ossl cms -resign -inform DER -in signed -outform DER -out resigned -signer "$(certificate_of ec384)" -inkey "$(uri ec384)"
    # Certificates of the same name can't be told apart by a chain; the signatures can.
    plain cms -verify -binary -noverify -inform DER -in resigned -out content 2>/dev/null
    cmp -s content data.bin || die "another content"
    [ "$(plain cms -cmsout -print -inform DER -in resigned | grep -c "signatureAlgorithm:")" -ge 3 ] || die "not three signers"
}

# DER signatures of elliptic keys differ in length; without attributes openssl asks for none beforehand.
scenario_cms_ec_noattr_often() {
    local try
    # shellcheck disable=SC2046 # numbers
    for try in $(first_under_valgrind $(seq 20)); do
        ossl cms -sign -binary -noattr -nodetach -in data.bin -signer "$(certificate_of ec256)" -inkey "$(uri ec256)" -outform DER -out signed
        cms_verifies DER ec256 || die "try $try"
    done
}

scenario_cms_sign_pss() {
    local more
    for more in "" -noattr; do
        # shellcheck disable=SC2086 # empty is no argument
        ossl cms -sign -binary $more -in data.bin -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" -keyopt rsa_padding_mode:pss -outform DER -nodetach -out signed
        cms_verifies DER rsa
    done
    ossl cms -sign -binary -in data.bin -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20 -md sha384 -outform DER -nodetach -out signed
    cms_verifies DER rsa
    plain cms -cmsout -print -inform DER -in signed | holds rsassaPss || die "not signed with PSS"
}

scenario_smime_sign() {
    ossl smime -sign -in data.bin -signer "$(certificate_of ec256)" -inkey "$(uri ec256)" -out signed
    plain smime -verify -in signed -CAfile "$(certificate_of ec256)" -purpose any -out content 2>/dev/null
    ossl smime -sign -binary -in data.bin -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" -outform DER -nodetach -out signed
    plain smime -verify -binary -inform DER -in signed -CAfile "$(certificate_of rsa)" -purpose any -out content 2>/dev/null
    cmp -s content data.bin || die "another content"
}

scenario_example_program() {
    export OPENSSL_MODULES=$PROVIDER_DIR
    for label in ec256 rsa; do
        clean "$EXAMPLE" "$(uri $label)" data.bin sig
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
    done
    fails "no private key fits" "$EXAMPLE" "$(uri nosuch)" data.bin sig
    # With the provider in the configuration, which then says which module.
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE"
    unset OPENSSL_MODULES PKCS11_PROVIDER_MODULE
    clean "$EXAMPLE" "$(uri ec256)" data.bin sig
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
}

# Each of the 64 is a job of OpenSSL in one thread.
scenario_example_signs_many_at_once() {
    local label
    export OPENSSL_MODULES=$PROVIDER_DIR
    for label in ec256 rsa; do
        clean "$EXAMPLE_OF_JOBS" "$(uri $label)" >output
        grep -qx "64 signatures" output || die "not all are signed: $(cat output)"
    done
}
