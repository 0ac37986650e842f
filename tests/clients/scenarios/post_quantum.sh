# SPDX-License-Identifier: Apache-2.0
# ML-DSA and ML-KEM keys on a token that has them: the NSS of Debian 14 (nss-root.sh), under the OpenSSL 3.5 of Debian 13,
# which knows such keys, and the OpenSSL of this machine.
# shellcheck shell=bash

SIGNING_KEYS="ML-DSA-44 ML-DSA-65 ML-DSA-87"
SECRET_KEYS="ML-KEM-512 ML-KEM-768 ML-KEM-1024"
KEYS_TOKEN="pkcs11:token=NSS%20Certificate%20DB"

nss_arguments() { echo "configDir='sql:$1' certPrefix='' keyPrefix='' secmod='secmod.db' flags="; }

# post_quantum_token FOLDER: NSS in FOLDER/nss, and its database in FOLDER/keys: a key pair of each size, an RSA pair, and
# the PIN in FOLDER/pin
post_quantum_token() {
    local nss=$SOURCE/build/nss
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "certutil does not run under a sanitizer"; exit 77; }
    [ -e "$nss/complete" ] || { echo "there is no NSS of Debian 14; see clients.nss_root"; exit 77; }
    mkdir -p "$1/nss" "$1/keys"
    cp "$nss"/lib/*.so "$nss"/lib/*.chk "$1/nss"
    echo "$PIN" >"$1/pin"
    chmod 600 "$1/pin"
    LD_LIBRARY_PATH=$1/nss "$nss/usr/bin/certutil" -N -d "sql:$1/keys" -f "$1/pin"
    NSS_LIB_PARAMS=$(nss_arguments "$1/keys") LD_LIBRARY_PATH=$1/nss "$POST_QUANTUM_KEYS" "$1/nss/libsoftokn3.so" "NSS Certificate DB" "$PIN" ||
        die "no keys on the token"
    plain pkcs12 -export -inkey "$TOKENS/rsa.pem" -in "$(certificate_of rsa)" -name rsa -passout pass:x -out rsa.p12
    LD_LIBRARY_PATH=$1/nss "$nss/usr/bin/pk12util" -i rsa.p12 -d "sql:$1/keys" -k "$1/pin" -W x >/dev/null
}

# post_quantum13 [FIRST]: such a token in the Debian 13 root, and a configuration with the provider FIRST before the other.
# There SOFT runs a command without this provider.
post_quantum13() {
    local first=${1:-default} second=pkcs11
    [ "$first" = default ] || second=default
    debian13
    post_quantum_token "$HOME13"
    printf '%s\n' "config_diagnostics = 1" "openssl_conf = init" "[init]" "providers = providers" "[providers]" \
        "$first = ${first}_section" "$second = ${second}_section" "[default_section]" "activate = 1" "[pkcs11_section]" "activate = 1" \
        "pkcs11-module-path = /srv/nss/libsoftokn3.so" "pkcs11-module-init-args = $(nss_arguments /srv/keys)" \
        "pkcs11-module-token-pin = file:/srv/pin" "[req]" "distinguished_name = dn" "[dn]" >"$HOME13/openssl.cnf"
    cp data.bin "$HOME13"
    ENV13+=(OPENSSL_CONF=/srv/openssl.cnf LD_LIBRARY_PATH=/srv/nss "TOKEN=$KEYS_TOKEN" "SOFT=env OPENSSL_CONF=/dev/null openssl")
}

key13() { echo "\$TOKEN;object=$1;type=private"; }

scenario_debian13_post_quantum_list() {
    post_quantum13
    # shellcheck disable=SC2016 # the inner shell expands
    works13 'openssl storeutl -noout "$TOKEN" >all'
    grep -q "object=rsa;type=private" "$HOME13/all" || die "rsa is not in the list"
    for label in $SIGNING_KEYS $SECRET_KEYS; do
        grep -q "object=$label;type=private" "$HOME13/all" || { cat "$HOME13/all" >&2; die "$label is not in the list"; }
        works13 "openssl pkey -in \"$(key13 "$label")\" -pubout -out pub.pem; openssl pkey -pubin -in \"\$TOKEN;object=$label;type=public\" -out other.pem
            cmp pub.pem other.pem; \$SOFT pkey -pubin -in pub.pem -text -noout >text
            openssl pkey -in \"$(key13 "$label")\" -out reference.pem; openssl pkey -in reference.pem -pubout | cmp - pub.pem"
        grep -q "$label Public-Key" "$HOME13/text" || die "the public key of $label is something else"
    done
    works13 "openssl dgst -sha256 -sign \"$(key13 rsa)\" -out sig data.bin"
    plain dgst -sha256 -verify "$(public_of rsa)" -signature "$HOME13/sig" data.bin >/dev/null
}

# Both orders of providers. Verified by OpenSSL alone, which refuses other data, too.
sign13() { # FIRST KEY...
    post_quantum13 "$1"
    shift
    for label in "$@"; do
        works13 "key=\"$(key13 "$label")\"
            openssl pkey -in \"\$key\" -pubout -out pub.pem
            verify() { \$SOFT pkeyutl -verify -rawin -pubin -inkey pub.pem -sigfile sig \"\$@\"; }
            openssl pkeyutl -sign -rawin -inkey \"\$key\" -in data.bin -out sig
            verify -in data.bin
            refuses verify -in pub.pem
            openssl pkeyutl -verify -rawin -inkey \"\$key\" -in data.bin -sigfile sig
            openssl dgst -sign \"\$key\" -out sig data.bin; verify -in data.bin
            openssl pkeyutl -sign -rawin -inkey \"\$key\" -in data.bin -out sig -pkeyopt context-string:orders
            verify -in data.bin -pkeyopt context-string:orders
            refuses verify -in data.bin
            openssl pkeyutl -sign -rawin -inkey \"\$key\" -in data.bin -out sig -pkeyopt deterministic:1; verify -in data.bin
            openssl pkeyutl -sign -rawin -inkey \"\$key\" -in data.bin -out again -pkeyopt deterministic:1; cmp sig again
            openssl pkeyutl -sign -rawin -inkey \"\$key\" -in data.bin -out again; differ sig again"
    done
}
# shellcheck disable=SC2086 # the labels are words
scenario_debian13_ml_dsa() { sign13 default $SIGNING_KEYS; }
scenario_debian13_ml_dsa_provider_first() { sign13 pkcs11 ML-DSA-65; }

scenario_debian13_ml_dsa_refuses() {
    post_quantum13
    local sign
    sign="openssl pkeyutl -sign -rawin -inkey \"$(key13 ML-DSA-65)\" -in data.bin -out sig"
    refused13 "external mu" "$sign -pkeyopt mu:1"
    refused13 "message-encoding" "$sign -pkeyopt message-encoding:0"
    refused13 "test-entropy" "$sign -pkeyopt hextest-entropy:$(printf '00%.0s' {1..32})"
    refused13 "longer than 255 bytes" "$sign -pkeyopt context-string:$(printf 'x%.0s' {1..256})"
    refused13 "accept no digest" "openssl dgst -sha256 -sign \"$(key13 ML-DSA-65)\" -out sig data.bin"
    refused13 "a private key is expected" "openssl pkeyutl -decap -inkey \"\$TOKEN;object=ML-KEM-768;type=public\" -in data.bin -secret s"
}

# A certificate of the token's key by the token's key, one by another, and a handshake with TLS 1.3.
certificates13() { # FIRST
    post_quantum13 "$1"
    works13 "key=\"$(key13 ML-DSA-65)\"
        openssl req -x509 -new -key \"\$key\" -subj /CN=localhost -addext basicConstraints=critical,CA:TRUE -days 30 -out ca.pem
        \$SOFT verify -CAfile ca.pem ca.pem
        openssl req -new -key \"$(key13 ML-DSA-44)\" -subj /CN=localhost -out leaf.csr
        \$SOFT req -in leaf.csr -verify -noout
        openssl x509 -req -in leaf.csr -CA ca.pem -CAkey \"\$key\" -days 30 -out leaf.pem
        \$SOFT verify -CAfile ca.pem leaf.pem
        openssl s_server -accept 127.0.0.1:24443 -cert leaf.pem -key \"$(key13 ML-DSA-44)\" -groups MLKEM768:X25519MLKEM768 -www -quiet >server.log 2>&1 &
        for try in \$(seq 100); do (: </dev/tcp/127.0.0.1/24443) 2>/dev/null && break; sleep 0.1; done
        handshake() { echo | \$SOFT s_client -connect 127.0.0.1:24443 -CAfile ca.pem -verify_return_error -sigalgs mldsa44:mldsa65 \"\$@\" >client.log 2>&1; }
        handshake || { cat client.log; false; }
        grep -q 'Peer signature type: mldsa44' client.log
        handshake -groups MLKEM768 || { cat client.log; false; }
        ended \$! server.log"
}
scenario_debian13_ml_dsa_certificates() { certificates13 default; }
scenario_debian13_ml_dsa_certificates_provider_first() { certificates13 pkcs11; }

decapsulate13() { # FIRST KEY...
    post_quantum13 "$1"
    shift
    for label in "$@"; do
        works13 "key=\"$(key13 "$label")\"
            openssl pkey -in \"\$key\" -pubout -out pub.pem
            \$SOFT pkeyutl -encap -pubin -inkey pub.pem -out ct -secret theirs
            openssl pkeyutl -decap -inkey \"\$key\" -in ct -secret ours
            cmp theirs ours
            openssl pkeyutl -encap -inkey \"\$key\" -out ct -secret theirs
            openssl pkeyutl -decap -inkey \"\$key\" -in ct -secret ours
            cmp theirs ours
            tr '\\000-\\377' '\\001-\\377\\000' <ct >wrong
            openssl pkeyutl -decap -inkey \"\$key\" -in wrong -secret ours
            differ theirs ours"
        refused13 "bytes, and one of $label has" "head -c 100 ct >short; openssl pkeyutl -decap -inkey \"$(key13 "$label")\" -in short -secret ours"
    done
}
# shellcheck disable=SC2086 # the labels are words
scenario_debian13_ml_kem() { decapsulate13 default $SECRET_KEYS; }
scenario_debian13_ml_kem_provider_first() { decapsulate13 pkcs11 ML-KEM-768; }

# calls13 FUNCTION NUMBER: so often was it called, as the provider's log has it
calls13() {
    [ "$(grep -c " $1 " "$HOME13/log")" = "$2" ] || { cat "$HOME13/log" >&2; die "not $2 calls of $1"; }
}
scenario_debian13_post_quantum_calls() {
    post_quantum13
    local dsa kem log="rm -f log; export PKCS11_PROVIDER_DEBUG=file:/srv/log,level:2"
    dsa=$(key13 ML-DSA-65) kem=$(key13 ML-KEM-768)
    works13 "$log; openssl pkeyutl -sign -rawin -inkey \"$dsa\" -in data.bin -out sig"
    calls13 C_SignInit 1
    calls13 C_Sign 1
    calls13 C_GetAttributeValue 2
    works13 "openssl pkeyutl -encap -inkey \"$kem\" -out ct -secret theirs
        $log; openssl pkeyutl -decap -inkey \"$kem\" -in ct -secret ours; cmp theirs ours"
    calls13 C_DecapsulateKey 1
    calls13 C_GetAttributeValue 3
    calls13 C_DestroyObject 1
}

# The test module before NSS, with the functions of PKCS#11 3.0: failures, and what is tried again.
scenario_debian13_post_quantum_failures() {
    post_quantum13
    sed -i 's|^pkcs11-module-path.*|pkcs11-module-path = /mnt/tests/pkcs11-test-module.so|' "$HOME13/openssl.cnf"
    ENV13+=(PKCS11_TEST_TARGET=/srv/nss/libsoftokn3.so)
    local dsa kem
    dsa=$(key13 ML-DSA-65) kem=$(key13 ML-KEM-768)
    # A key that is found again signs for its public key before it signs for others.
    works13 "PKCS11_TEST_COUNTS=/srv/counts PKCS11_TEST_FAULTS=C_Sign:1=CKR_KEY_HANDLE_INVALID openssl req -x509 -new -key \"$dsa\" -subj /CN=x -out c.pem
        \$SOFT verify -CAfile c.pem c.pem"
    grep -qx "C_Sign 3" "$HOME13/counts" || { cat "$HOME13/counts" >&2; die "the key was not tried"; }
    refused13 CKR_DEVICE_ERROR "PKCS11_TEST_FAULTS=C_Sign:1+=CKR_DEVICE_ERROR openssl pkeyutl -sign -rawin -inkey \"$dsa\" -in data.bin -out sig"
    refused13 CKR_MECHANISM_INVALID "PKCS11_TEST_HIDE_MECHANISMS=0x1d openssl pkeyutl -sign -rawin -inkey \"$dsa\" -in data.bin -out sig"
    refused13 "this needs a module with PKCS#11 3.2" "openssl pkeyutl -encap -inkey \"$kem\" -out ct -secret s; openssl pkeyutl -decap -inkey \"$kem\" -in ct -secret s"
}

# Software keys behave as if the provider were not there, though it is the first one.
scenario_debian13_post_quantum_software() {
    post_quantum13 pkcs11
    for label in ML-DSA-65 ML-KEM-768; do
        works13 "openssl genpkey -algorithm $label -out soft-$label.pem; openssl pkey -in soft-$label.pem -pubout -out soft-$label.pub.pem
            \$SOFT pkey -in soft-$label.pem -pubout | cmp - soft-$label.pub.pem"
    done
    # shellcheck disable=SC2016 # the inner shell expands
    works13 'groups=MLKEM768:X25519MLKEM768:SecP256r1MLKEM768:P-256:X25519
        openssl pkeyutl -sign -rawin -inkey soft-ML-DSA-65.pem -in data.bin -out sig
        openssl pkeyutl -verify -rawin -pubin -inkey soft-ML-DSA-65.pub.pem -in data.bin -sigfile sig
        openssl pkeyutl -encap -pubin -inkey soft-ML-KEM-768.pub.pem -out ct -secret theirs
        openssl pkeyutl -decap -inkey soft-ML-KEM-768.pem -in ct -secret ours
        cmp theirs ours
        openssl req -x509 -new -key soft-ML-DSA-65.pem -subj /CN=localhost -days 30 -out ca.pem
        openssl s_server -accept 127.0.0.1:24444 -cert ca.pem -key soft-ML-DSA-65.pem -groups $groups -www -quiet >server.log 2>&1 &
        for try in $(seq 100); do (: </dev/tcp/127.0.0.1/24444) 2>/dev/null && break; sleep 0.1; done
        for group in ${groups//:/ }; do
            echo | openssl s_client -connect 127.0.0.1:24444 -CAfile ca.pem -verify_return_error -groups $group >client.log 2>&1 || { cat client.log; false; }
            grep -q "Peer signature type: mldsa65" client.log
        done
        ended $! server.log'
}

# An OpenSSL that knows no such keys: they are named in lists, refused by name, and disturb nobody.
scenario_post_quantum_unknown() {
    local token=$KEYS_TOKEN
    plain list -key-managers 2>/dev/null | lacks 'ML-DSA-65 .*default' || { echo "this OpenSSL knows ML-DSA"; exit 77; }
    post_quantum_token "$WORK/token"
    unset PKCS11_PROVIDER_MODULE
    configuration "pkcs11-module-path = $WORK/token/nss/libsoftokn3.so
pkcs11-module-init-args = $(nss_arguments "$WORK/token/keys")
pkcs11-module-token-pin = file:$WORK/token/pin"
    export LD_LIBRARY_PATH=$WORK/token/nss
    clean openssl storeutl -noout "$token" >all
    for label in $SIGNING_KEYS $SECRET_KEYS; do
        grep -q "Name: .*object=$label;.*type=private" all || { cat all >&2; die "$label is not in the list"; }
        fails "a key of type $label, which needs OpenSSL 3.5 or later" openssl pkey -in "$token;object=$label;type=private" -pubout
    done
    fails "a key of type ML-DSA-65, which needs" openssl dgst -sign "$token;object=ML-DSA-65" -out sig data.bin
    fails "a key of type ML-DSA-65, which needs" openssl pkey -pubin -in "$token;object=ML-DSA-65;type=public"
    clean openssl dgst -sha256 -sign "$token;object=rsa;type=private" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    # Beside the others, the one that is known is the only one that fits.
    clean openssl dgst -sha256 -sign "$token;type=private" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
}
