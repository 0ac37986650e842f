# The documents' own commands, as somebody pastes them who has installed the provider.
# shellcheck shell=bash

# Every block is one of commands, which run, or of C. Text is no block.
only_blocks_that_run() { # DOCUMENT
    awk '
        /^```/ { inside = !inside; if (inside && $0 != "```sh" && $0 != "```c") print FILENAME ": " FNR ": " $0 }
        !inside && /^    / { print FILENAME ": " FNR ": " $0 }' "$1" >wrong
    [ ! -s wrong ] || die "blocks that no test runs: $(cat wrong)"
}

# All blocks of commands of a document, in order, in one shell, in an empty folder. OPENSSL_MODULES and PATH stand for what
# installing does; TLS has a network of its own, since the port is the document's.
document_runs() { # DOCUMENT
    objects_built
    built_keyprovider
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "the commands are run as they stand, without a sanitizer's runtime"; exit 77; }
    unshare --net true 2>/dev/null || { echo "there can be no network of its own here"; exit 77; }
    local document=$SOURCE/docs/$1
    only_blocks_that_run "$document"
    mkdir empty
    sed -n '/^```sh$/,/^```$/{/^```/!p}' "$document" >commands
    [ -s commands ] || die "no blocks in $1"
    # shellcheck disable=SC2016 # the inner shell expands
    (cd empty && timeout 200 unshare --net env -i "PATH=$PROVIDER_DIR:$PATH" "HOME=$WORK/empty" "OPENSSL_MODULES=$PROVIDER_DIR" \
        "PKCS11_PROVIDER_MODULE=$PKCS11_PROVIDER_MODULE" sh -c 'ip link set lo up; exec bash -eux ../commands') >log 2>&1 </dev/null ||
        { cat log >&2; die "the blocks of $1"; }
    ! holds -i 'PIN-VALUE=' <log || die "a PIN is told"
}

scenario_documents_howto() {
    document_runs howto.md
    plain dgst -sha256 -verify empty/public.pem -signature empty/file.sig empty/file | holds 'Verified OK' || die "the signature"
    plain verify -CAfile empty/ca.pem empty/leaf.pem empty/leaf2.pem >verified || die "the certificates: $(cat verified)"
    plain x509 -in empty/ca.pem -noout -ext basicConstraints | holds 'CA:TRUE' || die "the CA's certificate has no extensions"
}

scenario_documents_key_management() {
    document_runs key-management.md
    plain req -in empty/request.pem -verify -noout 2>&1 | holds 'OK' || die "the request"
    plain x509 -in empty/cert.pem -noout -pubkey >cert.pub
    plain dgst -sha256 -verify cert.pub -signature <(cd empty && SOFTHSM2_CONF=softhsm2.conf openssl dgst "${PROV[@]}" -sha256 -sign key.pem -passin file:pin ../data.bin) data.bin |
        holds 'Verified OK' || die "the key"
}

# The sample keeps what the system's configuration says: a CA that is made with it has a CA's extensions.
scenario_documents_sample_configuration() {
    [ -e /etc/ssl/openssl.cnf ] || { echo "the system's configuration is elsewhere"; exit 77; }
    sed -e "s|^# *module = .*|module = $PROVIDER|" "$SOURCE/openssl.cnf.sample" >my.cnf
    sed -n '/^```openssl.cnf$/,/^```$/{/^```/!p}' "$SOURCE/docs/servers.md" | sed "s|^\[pkcs11_section\]|&\nmodule = $PROVIDER|; s|/etc/hsm|$WORK|; s|^pkcs11-module-path.*|pkcs11-module-path = $PKCS11_PROVIDER_MODULE|" >servers.cnf
    echo "$PIN" >pin
    chmod 600 pin
    local file
    for file in my servers; do
        OPENSSL_CONF=$WORK/$file.cnf clean openssl req -new -x509 -key "$(uri rsa)" -subj /CN=ca -days 3 -out ca.pem
        plain x509 -in ca.pem -noout -ext basicConstraints | holds 'CA:TRUE' || die "$file.cnf makes a CA without extensions"
        OPENSSL_CONF=$WORK/$file.cnf clean openssl list -providers >providers
        if ! holds default <providers || ! holds pkcs11 <providers; then die "$file.cnf: $(cat providers)"; fi
    done
}
