# SPDX-License-Identifier: Apache-2.0
# The token behind p11-kit's server on a socket, and that server killed and started again under programs that serve TLS.
# shellcheck shell=bash

CLIENTS=8

# p11-kit's module that speaks to the server, in place of SoftHSM's.
token_server() {
    local library
    REAL_MODULE=$PKCS11_PROVIDER_MODULE
    library=$(token_module p11-kit-client) || { echo "p11-kit-client.so is not installed"; exit 77; }
    token_environment p11-kit-client "s|SOCKET|$WORK/p11-kit.sock|"
    export PKCS11_PROVIDER_MODULE=$library
    start_token_server
}

# In a process group of its own, since each connection is served by a child.
start_token_server() {
    local try
    rm -f "$WORK/p11-kit.sock"
    env OPENSSL_CONF="$TOKENS/plain.cnf" setsid p11-kit server --foreground --provider "$REAL_MODULE" -n "$WORK/p11-kit.sock" "pkcs11:" >token-server.log 2>&1 </dev/null &
    TOKEN_SERVER=$!
    for try in $(seq 100); do
        [ ! -S "$WORK/p11-kit.sock" ] || return 0
        sleep 0.05
    done
    cat token-server.log >&2
    die "p11-kit's server does not start"
}

kill_token_server() {
    kill -KILL -- "-$TOKEN_SERVER"
    wait "$TOKEN_SERVER" 2>/dev/null || true
}

# shakes_hands S_CLIENT-OPTIONS...: one connection to the program under test, by a client without the provider
# shellcheck disable=SC2120 # tls.sh and servers.sh give it some
shakes_hands() {
    env OPENSSL_CONF=/dev/null timeout 10 openssl s_client -connect "127.0.0.1:$PORT" -CAfile "$CA" -verify_return_error -no_ticket ${STARTTLS:+-starttls "$STARTTLS"} "$@" </dev/null
}

# One of the clients: shakes hands until there is a file "stop", and counts in files named after the file "phase".
client() { # NUMBER
    local phase
    while [ ! -e stop ]; do
        phase=$(cat phase)
        # shellcheck disable=SC2119 # none
        if shakes_hands >/dev/null 2>&1; then echo >>"good.$phase.$1"; else echo >>"bad.$phase.$1"; fi
    done
}

# Handshakes of a phase, over all clients: handshakes good|bad PHASE
handshakes() { cat "$1.$2".* 2>/dev/null | wc -l; }

set_phase() {
    echo "$1" >phase.new
    mv phase.new phase
}

# Waits for so many good handshakes of each client in this phase.
wait_for_each() { # PHASE COUNT
    local number try
    for number in $(seq $CLIENTS); do
        for try in $(seq 300); do
            [ "$(handshakes_of "$1" "$number")" -lt "$2" ] || break
            sleep 0.1
        done
        [ "$try" -lt 300 ] || die "client $number gets no handshakes in phase $1"
    done
}
# shellcheck disable=SC2002 # it may not be there yet
handshakes_of() { cat "good.$1.$2" 2>/dev/null | wc -l; }

# Handshakes may fail while the token's server is down, twice, and all succeed before and afterwards.
survives_restarts() {
    local round number pids=()
    set_phase before
    for number in $(seq $CLIENTS); do
        client "$number" &
        pids+=($!)
    done
    wait_for_each before 5
    [ "$(handshakes bad before)" = 0 ] || die "handshakes failed before the server was killed"
    for round in 1 2; do
        set_phase "down$round"
        kill_token_server
        if openssl pkey "${PROV[@]}" -in "$(uri rsa)" -noout >/dev/null 2>&1; then die "the server is not down"; fi
        sleep 1
        start_token_server
        # A handshake that began while it was down may end after it is up.
        sleep 0.5
        set_phase "return$round"
        wait_for_each "return$round" 1
        set_phase "up$round"
        wait_for_each "up$round" 5
        [ "$(handshakes bad "up$round")" = 0 ] || die "$(handshakes bad "up$round") handshakes failed after the server's return"
    done
    touch stop
    wait "${pids[@]}"
}

scenario_token_server_restart_s_server() {
    token_server
    CA=$(certificate_of rsa)
    start_server -cert "$CA" -key "$(uri rsa)"
    survives_restarts
    kill -0 "$SERVER_PID" || die "s_server has ended"
    stop_server
    kill_token_server
}

# nginx 1.22 takes keys from PEM files only: a key reference, and the PIN from the configuration.
scenario_token_server_restart_nginx() {
    command -v nginx >/dev/null || { echo "nginx is not installed"; exit 77; }
    token_server
    CA=$(certificate_of ec256)
    clean openssl pkey "${PROV[@]}" -in "$(uri ec256)" -out key.pem
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE
pkcs11-module-token-pin = $PIN"
    PORT=$(free_port)
    nginx_configuration "$WORK" root >nginx.conf <<CONF
    server {
        listen 127.0.0.1:$PORT ssl;
        ssl_certificate $CA;
        ssl_certificate_key $WORK/key.pem;
        location / { return 200; }
    }
CONF
    start_program nginx -p "$WORK" -c "$WORK/nginx.conf"
    survives_restarts
    kill -0 "$SERVER_PID" || die "nginx has ended"
    stop_program
    kill_token_server
}
