# SPDX-License-Identifier: Apache-2.0
# Users of the peers replace a file, and change nothing else. Debian 13 has pkcs11-provider to compare with.
# shellcheck shell=bash

# An openssl.cnf as pkcs11-provider's manual page has it, with all its directives; their values as there.
peers_configuration() {
    echo "$PIN" >"$HOME13/pinfile.txt"
    chmod 600 "$HOME13/pinfile.txt"
    cat >"$HOME13/openssl.cnf" <<'CONF'
HOME = .
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
[provider_sect]
default = default_sect
pkcs11 = pkcs11_sect
[default_sect]
activate = 1
[pkcs11_sect]
module = /srv/pkcs11.so
pkcs11-module-path = /usr/lib/softhsm/libsofthsm2.so
pkcs11-module-token-pin = file:/srv/pinfile.txt
pkcs11-module-allow-export = 0
pkcs11-module-cache-keys = false
pkcs11-module-cache-pins = cache
pkcs11-module-cache-sessions = 5
pkcs11-module-login-behavior = auto
pkcs11-module-load-behavior = early
pkcs11-module-quirks = no-deinit no-operation-state
pkcs11-module-block-operations = digest
pkcs11-module-assume-fips = false
pkcs11-module-encode-provider-uri-to-pem = true
activate = 1
[req]
distinguished_name = dn
[dn]
CONF
    # shellcheck disable=SC2034 # in13 reads it
    ENV13=(OPENSSL_CONF=/srv/openssl.cnf)
    head -c 40 data.bin >"$HOME13/secret"
    cp data.bin "$HOME13"
    cp "$ROOT13/opt/pkcs11-provider"/usr/lib/*/ossl-modules/pkcs11.so "$HOME13/peer.so"
    cp "$PROVIDER" "$HOME13/ours.so"
}

# What a user did with it, written down once; what comes out is checked from outside.
commands_of_a_user() {
    local key
    for key in rsa ec256; do
        works13 "openssl dgst -sha256 -sign 'pkcs11:token=scenarios;object=$key;type=private' -out $key.sig data.bin
            openssl pkeyutl -sign -rawin -digest sha384 -inkey 'pkcs11:token=scenarios;object=$key;type=private' -in secret -out $key.raw
            openssl req -new -x509 -key 'pkcs11:token=scenarios;object=$key;type=private' -subj /CN=migration -days 10 -out $key.crt
            openssl cms -sign -nodetach -binary -in data.bin -signer $key.cert.pem -inkey 'pkcs11:token=scenarios;object=$key;type=private' -outform DER -out $key.cms
            openssl pkey -in 'pkcs11:token=scenarios;object=$key;type=private' -pubout -out $key.public
            openssl storeutl -keys -text 'pkcs11:token=scenarios;object=$key' >$key.list"
        plain dgst -sha256 -verify "$(public_of $key)" -signature "$HOME13/$key.sig" data.bin >/dev/null
        plain pkeyutl -verify -rawin -digest sha384 -pubin -inkey "$(public_of $key)" -in "$HOME13/secret" -sigfile "$HOME13/$key.raw" >/dev/null
        plain verify -CAfile "$HOME13/$key.crt" "$HOME13/$key.crt" >/dev/null
        plain cms -verify -binary -inform DER -in "$HOME13/$key.cms" -CAfile "$(certificate_of $key)" -out content
        cmp -s content data.bin || die "the content of the signed message"
        # The peer writes RSA keys in another form; the key is the same.
        plain pkey -pubin -in "$HOME13/$key.public" -pubout -out public.pem
        cmp -s public.pem "$(public_of $key)" || die "the public half of $key"
        grep -qi "URI" "$HOME13/$key.list" || die "the list has no URI"
    done
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -in "$HOME13/secret" -out "$HOME13/encrypted"
    works13 "openssl pkeyutl -decrypt -inkey 'pkcs11:token=scenarios;object=rsa;type=private' -in encrypted -out decrypted"
    cmp -s "$HOME13/secret" "$HOME13/decrypted" || die "the decrypted secret"
}

scenario_debian13_configuration_of_pkcs11_provider() {
    debian13
    tokens13
    peers_configuration
    cp "$HOME13/peer.so" "$HOME13/pkcs11.so"
    commands_of_a_user
    cp "$HOME13/ours.so" "$HOME13/pkcs11.so"
    commands_of_a_user
}

# Key references that one of them wrote are read by the other.
scenario_debian13_key_references_of_pkcs11_provider() {
    debian13
    tokens13
    peers_configuration
    local writer reader label
    for writer in peer ours; do
        cp "$HOME13/$writer.so" "$HOME13/pkcs11.so"
        for label in rsa ec256; do
            works13 "openssl pkey -in 'pkcs11:token=scenarios;object=$label;type=private' -out $writer-$label.pem"
            grep -q "BEGIN PKCS#11 PROVIDER URI" "$HOME13/$writer-$label.pem" || die "$writer wrote no reference to $label"
        done
    done
    for reader in peer ours; do
        cp "$HOME13/$reader.so" "$HOME13/pkcs11.so"
        for writer in peer ours; do
            for label in rsa ec256; do
                works13 "openssl dgst -sha256 -sign $writer-$label.pem -out sig data.bin"
                plain dgst -sha256 -verify "$(public_of $label)" -signature "$HOME13/sig" data.bin >/dev/null
            done
        done
    done
}

# A directive of newer versions that this provider does not know: the key is found, and the log names the directive.
scenario_migration_directives_of_pkcs11_provider() {
    configuration "pkcs11-module-default-slot-id = 1"
    PKCS11_PROVIDER_DEBUG="file:$WORK/log,level:1" clean openssl dgst -sha256 -sign "$(uri ec256)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
    grep -q 'unknown directive pkcs11-module-default-slot-id$' log || { cat log >&2; die "the log does not name it"; }
}

# The settings of libp11's provider as its documentation has them.
scenario_migration_settings_of_libp11() {
    local key="pkcs11:object=ec256;type=private" force token
    token=$(dirname "$(grep -l scenarios "$WORK"/tokens/*/token.object)")
    for force in 1 yes true; do
        configuration "identity = pkcs11prov
pkcs11_module = $PKCS11_PROVIDER_MODULE
debug_level = 7
force_login = $force
pin = $PIN"
        env -u PKCS11_PROVIDER_MODULE "${RUNNER[@]}" openssl dgst -propquery '?provider=pkcs11prov' -sha256 -sign "pkcs11:token=scenarios;object=ec256;type=private" \
            -out sig data.bin >stdout.txt 2>stderr.txt || { cat stderr.txt >&2; die "force_login = $force"; }
        plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
        [ ! -s stdout.txt ] || die "the log is on standard output"
        grep -q 'C_Sign CKR_OK' stderr.txt || { cat stderr.txt >&2; die "no log with debug_level = 7"; }
    done
    clean openssl list -providers >listed
    grep -q '^  pkcs11prov$' listed || { cat listed >&2; die "another name"; }
    # A URI that names no token needs a name only if several tokens want a login.
    configuration "pin = $PIN"
    fails "several tokens" openssl dgst -sha256 -sign "$key" -out sig data.bin
    find "$WORK/tokens" -mindepth 1 -maxdepth 1 ! -path "$token" -exec rm -r {} +
    clean openssl dgst -sha256 -sign "$key" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
}

# Without a PIN in the URI, the configuration or the environment, openssl asks.
scenario_migration_prompt_for_the_pin() {
    answers "$PIN" openssl dgst "${PROV[@]}" -sha256 -sign "pkcs11:token=scenarios;object=ec256;type=private" -out sig data.bin ||
        { cat stderr.txt >&2; die "not with the PIN that was entered"; }
    holds 'PIN for pkcs11:token=scenarios;object=ec256;type=private:' <stderr.txt || { cat stderr.txt >&2; die "no question"; }
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
}

# The engine's own names of keys, as URIs: slot_N-id_03, slot_N-label_ec256, id_03 and label_ec256.
scenario_migration_key_names_of_the_engine() {
    local slot uri
    slot=$(softhsm2-util --show-slots | awk '/^Slot / { slot = $2 } /Label: *scenarios/ { print slot }')
    [ -n "$slot" ] || die "no slot"
    for uri in "slot-id=$slot;id=%03" "slot-id=$slot;object=ec256"; do
        ossl dgst -sha256 -sign "pkcs11:$uri;type=private?pin-value=$PIN" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
    done
    # Without a slot where one token alone wants a login.
    find "$WORK/tokens" -mindepth 1 -maxdepth 1 ! -path "$(dirname "$(grep -l scenarios "$WORK"/tokens/*/token.object)")" -exec rm -r {} +
    for uri in id=%03 object=ec256; do
        ossl dgst -sha256 -sign "pkcs11:$uri;type=private?pin-value=$PIN" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
    done
}
