# SPDX-License-Identifier: Apache-2.0
# One key on two HSMs, each a SoftHSM behind p11-kit's server on a socket, which are killed and started again in turn.
# shellcheck shell=bash

# How often each of them is killed. The nightly run sets more.
ROUNDS=${REPLICA_ROUNDS:-1}

# two_hsms SCENARIO: the HSMs a and b with the same keys, and nothing else that is registered with p11-kit
two_hsms() {
    local serial name
    without_tsan p11-kit
    needs p11-kit p11-kit
    token_module p11-kit-client >/dev/null || { echo "p11-kit-client.so is not installed"; exit 77; }
    own_namespaces "$1"
    REAL_MODULE=$PKCS11_PROVIDER_MODULE
    unset PKCS11_PROVIDER_MODULE
    serial=$(softhsm2-util --show-slots | grep -B9 'Label: *scenarios *$' | sed -n 's/.*Serial number: *//p' | tail -1)
    mkdir a b modules
    for name in a b; do
        cp -r tokens "$name/tokens"
        sed "s|^directories.tokendir = .*|directories.tokendir = $WORK/$name/tokens|" softhsm2.conf >"$name/softhsm2.conf"
        echo "remote: unix:path=$WORK/$name.sock" >"modules/hsm-$name.module"
    done
    LC_ALL=C sed -i "s/$serial/$(rev <<<"$serial")/" b/tokens/*/token.object
    mount --bind "$WORK/modules" /usr/share/p11-kit/modules
    configuration "pkcs11-replicas = balance
pkcs11-module-token-pin = $PIN"
    export PKCS11_PROVIDER_DEBUG=file:$WORK/log,level:1
    start_hsm a
    start_hsm b
}

# In a process group of its own, since each connection is served by a child.
declare -A HSM
start_hsm() {
    rm -f "$1.sock"
    env OPENSSL_CONF="$TOKENS/plain.cnf" SOFTHSM2_CONF="$WORK/$1/softhsm2.conf" setsid p11-kit server --foreground \
        --provider "$REAL_MODULE" -n "$WORK/$1.sock" "pkcs11:token=scenarios" >"hsm-$1.log" 2>&1 </dev/null &
    HSM[$1]=$!
    until_true 10 test -S "$1.sock" || { cat "hsm-$1.log" >&2; die "p11-kit's server does not start"; }
}
kill_hsm() {
    kill -KILL -- "-${HSM[$1]}"
    wait "${HSM[$1]}" 2>/dev/null || true
}

# used_more HSM COUNT: it has made so many operations since the variable "before" was set
uses() { grep -c "#[0-9]* \(sign\|decrypt\) with .*module hsm-$1)" log || true; }
used_more() { [ "$(uses "$1")" -ge $((before + $2)) ]; }
is_used() {
    before=$(uses "$1")
    until_true "$2" used_more "$1" 10
}

# Both are used again within five seconds of their return.
bears_kills() {
    local name
    for name in a b; do is_used $name 20 || { tail -n 5 ./*.log >&2; die "HSM $name is not used"; }; done
    for _ in $(seq "$ROUNDS"); do
        for name in a b; do
            kill_hsm $name
            sleep 1
            start_hsm $name
            is_used $name 5 || { grep -v ' with ' log | tail -n 20 >&2; die "HSM $name is not used after its return"; }
        done
    done
}

scenario_replicas_killed_under_threads() {
    two_hsms replicas_killed_under_threads
    "${RUNNER[@]}" "$KEY_OPERATIONS" 32 \
        "pkcs11:object=rsa;type=private" "$TOKENS/rsa.pub.pem" sign,decrypt \
        "pkcs11:object=ec256;type=private" "$TOKENS/ec256.pub.pem" sign >operations.log 2>&1 </dev/null &
    local program=$!
    bears_kills
    touch stop
    wait $program || { cat operations.log >&2; die "operations failed"; }
    grep -q ' 0 failures$' operations.log || die "no result"
}

# Eight clients of a server, which verify the chain, and none of which may fail.
bears_kills_under_clients() {
    OPENSSL_CONF=/dev/null "$TLS_CLIENTS" -t 86400 -c 8 -a "$CA" -v 1.2 -s ECDSA+SHA256 "$PORT" >clients.log 2>&1 </dev/null &
    local clients=$!
    bears_kills
    kill $clients
    wait $clients || { cat clients.log server.log >&2; die "handshakes failed"; }
    stop_program
}

reference_without_token() {
    CA=$(certificate_of ec256)
    clean openssl pkey -in "pkcs11:object=ec256;type=private" -out key.pem
    PORT=$(free_port)
}

scenario_replicas_killed_under_nginx() {
    needs nginx nginx
    two_hsms replicas_killed_under_nginx
    reference_without_token
    echo 'env PKCS11_PROVIDER_DEBUG;' >nginx.conf # it drops all others
    nginx_configuration "$WORK" root >>nginx.conf <<CONF
    server {
        listen 127.0.0.1:$PORT ssl;
        ssl_certificate $CA;
        ssl_certificate_key $WORK/key.pem;
        location / { return 200; }
    }
CONF
    start_program nginx -p "$WORK" -c "$WORK/nginx.conf"
    bears_kills_under_clients
}

scenario_replicas_killed_under_haproxy_with_jobs() {
    needs haproxy haproxy
    two_hsms replicas_killed_under_haproxy_with_jobs
    reference_without_token
    cat "$CA" key.pem >both.pem
    cat >haproxy.cfg <<CONF
global
    nbthread 1
    ssl-mode-async
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend tls
    bind 127.0.0.1:$PORT ssl crt $WORK/both.pem
    http-request return status 200
CONF
    start_program haproxy -db -f haproxy.cfg
    bears_kills_under_clients
}

# tool_on HSM PKCS11-TOOL-OPTIONS...: writes to its token, while no server runs
tool_on() { SOFTHSM2_CONF=$WORK/$1/softhsm2.conf pkcs11-tool --module "$REAL_MODULE" --token-label scenarios --login --pin "$PIN" "${@:2}" >>tool.log 2>&1; }

# Each token is looked at, and one with another key under the same name is told.
scenario_replicas_doctor() {
    local uri="pkcs11:object=rsa;type=private"
    two_hsms replicas_doctor
    "${RUNNER[@]}" "$DOCTOR" --login --sign "$uri" >doctor.log || { cat doctor.log >&2; die "the doctor finds something"; }
    [ "$(grep -c 'ok .*token "scenarios" (serial .*) has the same key$' doctor.log)" = 2 ] || { cat doctor.log >&2; die "not both tokens are told"; }
    kill_hsm b
    tool_on b --delete-object --type privkey --label rsa
    openssl pkcs8 -topk8 -nocrypt -in "$TOKENS/twin.pem" -outform DER -out twin.der
    tool_on b --write-object twin.der --type privkey --id 01 --label rsa --usage-sign
    start_hsm b
    status=0
    "${RUNNER[@]}" "$DOCTOR" --login --sign "$uri" >doctor.log || status=$?
    [ $status = 1 ] || die "status $status"
    grep -q 'warning .*has another key, which takes no part$' doctor.log || { cat doctor.log >&2; die "the other key is not told"; }
    grep -q 'left out, another key than that of the first token' log || die "the log does not tell"
}
