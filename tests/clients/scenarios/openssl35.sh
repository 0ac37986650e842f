# SPDX-License-Identifier: Apache-2.0
# What only the openssl command of 3.5 can do; these run in the Debian 13 root alone.
# shellcheck shell=bash

# Directives on the command line. They come after -provider, when the provider has been initialised.
scenario_openssl35_provparam() {
    local module=$PKCS11_PROVIDER_MODULE bare="pkcs11:token=scenarios;object=rsa;type=private" loaded
    unset PKCS11_PROVIDER_MODULE
    loaded=("${PROV[@]}" -provparam "pkcs11:pkcs11-module-path=$module")
    clean openssl storeutl "${loaded[@]}" -noout "pkcs11:token=scenarios?pin-value=$PIN" >all
    grep -q "object=rsa;type=private" all || { cat all >&2; die "the module of -provparam was not used"; }
    clean openssl dgst "${loaded[@]}" -provparam "pkcs11:pkcs11-module-token-pin=$PIN" -sha256 -sign "$bare" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    fails "/nosuch/module.so" openssl dgst "${PROV[@]}" -provparam pkcs11:pkcs11-module-path=/nosuch/module.so -sha256 -sign "$bare" -out sig data.bin
    fails "pkcs11-module-login-behavior does not accept the value" openssl dgst "${loaded[@]}" -provparam pkcs11:pkcs11-module-login-behavior=sometimes -sha256 -sign "$bare" -out sig data.bin
    # Blocked operations are not offered.
    fails "No store loader found" openssl storeutl "${loaded[@]}" -provparam pkcs11:pkcs11-module-block-operations=store -noout "pkcs11:token=scenarios"
}

scenario_openssl35_lists() {
    clean openssl list "${PROV[@]}" -providers -verbose >listed
    grep -A3 '^  pkcs11$' listed | holds 'status: active' || { cat listed >&2; die "the provider is not active"; }
    clean openssl list "${PROV[@]}" -store-loaders >listed
    grep -q 'pkcs11 @ pkcs11' listed || { cat listed >&2; die "no loader"; }
    clean openssl list "${PROV[@]}" -all-algorithms >listed
    # The names of the default provider's signature algorithms and ours are the same.
    clean openssl list "${PROV[@]}" -signature-algorithms >listed
    grep -oP '.*(?= @ pkcs11$)' listed | sort >ours
    [ -s ours ] || die "no signature algorithms of ours"
    grep -oP '.*(?= @ default$)' listed | sort >theirs
    comm -23 ours theirs >other
    [ ! -s other ] || { cat other >&2; die "names that the default provider has not"; }
}

# Decapsulation by the command, with what software has encapsulated, and the other way round.
scenario_openssl35_kem() {
    local label
    for label in rsa ec256; do
        plain pkeyutl -encap -pubin -inkey "$(public_of $label)" -out wrapped -secret secret
        ossl pkeyutl -decap -inkey "$(uri $label)" -in wrapped -secret found
        cmp secret found || die "another secret with $label"
        ossl pkeyutl -encap -inkey "$(uri $label)" -out wrapped -secret secret
        plain pkeyutl -decap -inkey "$TOKENS/$label.pem" -in wrapped -secret found
        cmp secret found || die "another secret for the public half of $label"
    done
    head -c 20 wrapped >short
    fails "the ciphertext has 20 bytes" openssl pkeyutl "${PROV[@]}" -decap -inkey "$(uri rsa)" -in short -secret found
}

# -rawin is implied for Edwards keys, and CMS and dgst take them.
scenario_openssl35_ed25519() {
    use_tokens odd-tokens
    local key="pkcs11:object=ed25519;type=private?pin-value=$PIN"
    ossl pkeyutl -sign -inkey "$key" -in data.bin -out sig
    plain pkeyutl -verify -rawin -pubin -inkey "$(public_of odd-ed25519)" -in data.bin -sigfile sig >/dev/null
    ossl dgst -sign "$key" -out sig data.bin
    plain pkeyutl -verify -rawin -pubin -inkey "$(public_of odd-ed25519)" -in data.bin -sigfile sig >/dev/null
    ossl req -new -x509 -key "$key" -subj /CN=ed -days 30 -out ed.cert.pem
    # CMS asks for a digest of the content, for keys in software, too.
    ossl cms -sign -md sha512 -binary -nodetach -in data.bin -signer ed.cert.pem -inkey "$key" -outform DER -out signed
    plain cms -verify -binary -inform DER -in signed -CAfile ed.cert.pem -purpose any -out content 2>/dev/null
    cmp -s content data.bin || die "another content"
    fails 'the token makes no Ed25519ph signatures' openssl pkeyutl "${PROV[@]}" -sign -inkey "$key" -pkeyopt instance:Ed25519ph -in data.bin -out sig
}
