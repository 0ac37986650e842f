# SPDX-License-Identifier: Apache-2.0
# Real handshakes of s_server and s_client on the loopback interface.
# shellcheck shell=bash

start_server() { # s_server options; on another port where one is in use
    for _ in 1 2 3 4 5; do
        ! server_starts "$@" || return 0
        grep -q 'Address already in use' server.log || break
    done
    cat server.log >&2
    die "s_server does not start"
}

server_starts() { # s_server options
    PORT=$(free_port)
    "${RUNNER[@]}" openssl s_server "${SERVER_PROV[@]}" -accept "127.0.0.1:$PORT" -www -quiet "$@" >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    for _ in $(seq 100); do
        (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && kill -0 $SERVER_PID && return 0
        kill -0 $SERVER_PID 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
SERVER_PROV=("${PROV[@]}")

stop_server() { ended "$SERVER_PID" server.log; }

# A client without the provider shakes hands and reads the page.
handshake() { # CA s_client options
    local ca=$1
    shift
    printf 'GET / HTTP/1.0\r\n\r\n' | env OPENSSL_CONF="$TOKENS/plain.cnf" timeout 20 openssl s_client -connect "127.0.0.1:$PORT" -CAfile "$ca" -verify_return_error -ign_eof "$@" >client.log 2>client.err || {
        cat client.err server.log >&2
        die "no handshake: $*"
    }
    grep -q "HTTP/1.0 200" client.log || die "no page after the handshake: $*"
}

serves() { # CERT KEY-URI HANDSHAKE-OPTIONS...
    start_server -cert "$1" -key "$2"
    shift 2
    for options in "$@"; do
        # shellcheck disable=SC2086 # the options are words
        handshake "$CA" $options
    done
    stop_server
}

scenario_tls_rsa() {
    CA=$(certificate_of rsa) serves "$(certificate_of rsa)" "$(uri rsa)" -tls1_3 -tls1_2 "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256" "-tls1_2 -cipher AES128-GCM-SHA256" "-tls1_2 -sigalgs RSA+SHA512" "-tls1_3 -sigalgs rsa_pss_rsae_sha384"
}

scenario_tls_ecdsa() {
    for label in ec256 ec384 ec521; do CA=$(certificate_of $label) serves "$(certificate_of $label)" "$(uri $label)" -tls1_3 -tls1_2; done
}

# The certificate comes from a file, and the token has nothing but the private key.
scenario_tls_key_without_public_object() {
    CA=$(certificate_of bare-ec) serves "$(certificate_of bare-ec)" "$(uri bare-ec)" -tls1_3
    CA=$(certificate_of bare-rsa) serves "$(certificate_of bare-rsa)" "$(uri bare-rsa)" -tls1_3 "-tls1_2 -cipher AES128-GCM-SHA256"
}

scenario_tls_pss_certificate() {
    local key
    key="$(uri pssonly)&x-key-type=RSA-PSS"
    ossl req -new -x509 -key "$key" -subj /CN=localhost -days 30 -out pss.cert.pem
    CA=pss.cert.pem serves pss.cert.pem "$key" -tls1_3 "-tls1_2 -sigalgs rsa_pss_pss_sha256"
    # Public authorities issue others.
    ossl req -new -x509 -key "$(uri pssonly)" -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -subj /CN=localhost -days 30 -out rsa.cert.pem
    plain x509 -in rsa.cert.pem -noout -text | holds "Public Key Algorithm: rsaEncryption" || die "the certificate is of a PSS key"
    CA=rsa.cert.pem serves rsa.cert.pem "$(uri pssonly)" -tls1_3 -tls1_2
}

scenario_tls_ed25519() {
    ossl req -new -x509 -key "$(uri ed25519)" -subj /CN=localhost -days 30 -out ed.cert.pem
    CA=ed.cert.pem serves ed.cert.pem "$(uri ed25519)" -tls1_3 -tls1_2
}

# The client's own key is on the token; the server is without the provider.
scenario_tls_client_certificate() {
    SERVER_PROV=()
    start_server -cert "$(certificate_of rsa3072)" -key "$TOKENS/rsa3072.pem" -Verify 1 -CAfile "$(certificate_of ec256)" -verify_return_error
    local version
    for version in -tls1_2 -tls1_3; do
        printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 "${RUNNER[@]}" openssl s_client "${PROV[@]}" -connect "127.0.0.1:$PORT" $version -CAfile "$(certificate_of rsa3072)" -verify_return_error -ign_eof -cert "$(certificate_of ec256)" -key "$(uri ec256)" >client.log 2>client.err || { cat client.err server.log >&2; die "client certificate $version"; }
        grep -q "HTTP/1.0 200" client.log || die "no page with a client certificate $version"
    done
    stop_server
}

# Both ends in processes with the provider active: peers' certificates and ephemeral keys are none of its business.
scenario_tls_client_with_provider() {
    start_server -cert "$(certificate_of rsa)" -key "$(uri rsa)"
    for order in "-provider pkcs11 -provider default" "-provider default -provider pkcs11"; do
        # shellcheck disable=SC2086 # the options are words
        printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 "${RUNNER[@]}" openssl s_client -provider-path "$PROVIDER_DIR" $order -connect "127.0.0.1:$PORT" -CAfile "$(certificate_of rsa)" -verify_return_error -ign_eof >client.log 2>client.err || { cat client.err >&2; die "client with the provider: $order"; }
        grep -q "HTTP/1.0 200" client.log || die "no page: $order"
    done
    stop_server
}

# crowd S_CLIENT-OPTIONS...: twelve clients at once, each with four handshakes one after the other, none of which may fail
crowd() {
    local number pids=()
    for number in $(seq 12); do
        {
            for _ in 1 2 3 4; do
                shakes_hands "$@" >"crowd.$number" 2>&1 || { cat "crowd.$number" >>refused; }
            done
        } &
        pids+=($!)
    done
    wait "${pids[@]}"
    [ ! -e refused ] || { cat refused >&2; die "handshakes failed: $*"; }
}
crowd_of_rsa() {
    crowd -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 -sigalgs RSA+SHA256
    crowd -tls1_2 -cipher AES128-GCM-SHA256
    crowd -tls1_3 -sigalgs rsa_pss_rsae_sha256:RSA+SHA256
}
crowd_of_ec() {
    crowd -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 -sigalgs ECDSA+SHA256
    crowd -tls1_3 -sigalgs ECDSA+SHA256
}

# Each call into the module is written down.
logged_module() {
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_TEST_LOG=$WORK/calls PKCS11_PROVIDER_MODULE=$TEST_MODULE
}
logged() { grep -c "$1" "$WORK/calls" || true; }

# expect_calls FUNCTION COUNT
expect_calls() { [ "$(logged "^$1 ")" = "$2" ] || die "$(logged "^$1 ") calls of $1, where $2 are enough"; }

# s_server has one thread: one session serves any number of clients, with two calls for each of them.
scenario_tls_many_clients() {
    logged_module
    start_server -cert "$(certificate_of rsa)" -key "$(uri rsa)" -dcert "$(certificate_of ec256)" -dkey "$(uri ec256)"
    CA=$(certificate_of rsa) crowd_of_rsa
    CA=$(certificate_of ec256) crowd_of_ec
    kill -0 "$SERVER_PID" || die "s_server has ended"
    stop_server
    expect_calls C_OpenSession 2 # one for the operations, one for copies of keys
    # One more has shown that the EC key's public half is its own.
    expect_calls C_SignInit $((4 * 48 + 1))
    expect_calls C_Sign $((4 * 48 + 1))
    expect_calls C_Decrypt 48
}
