# SPDX-License-Identifier: Apache-2.0
# Servers with asynchronous jobs (SSL_MODE_ASYNC) under load, with clients that hang up and a token that is lost.
# shellcheck shell=bash

# with_test_module VERB [VARIABLE=VALUE]...: VERB, with the token behind the test module, which these variables configure. It is slow
# enough for each signature to pause its job.
with_test_module() {
    local target file
    TESTS=$PROVIDER_DIR/tests
    [ -z "${HOME13:-}" ] || TESTS=/mnt/tests
    target=$(sed -n 's/^pkcs11-module-path = //p' "$FILES/openssl.cnf")
    sed -i "s|^pkcs11-module-path = .*|pkcs11-module-path = $TESTS/pkcs11-test-module.so\npkcs11-async-threads = 8|" "$FILES/openssl.cnf"
    # The workers are nobody. SoftHSM writes to the token at a login, which follows a loss.
    chmod -R g+w "$FILES/tokens"
    for file in calls paused-frees; do
        : >"$FILES/$file"
        chmod a+rw "$FILES/$file"
    done
    on_debian under_load "TESTS=$TESTS" "PKCS11_TEST_TARGET=$target" PKCS11_TEST_DELAY_CRYPTO_US=2000 "${@:2}" -- "$1"
}
# The same with HAProxy's documented configuration
haproxy_under_load() {
    haproxy_files $'ssl-mode-async\n    insecure-fork-wanted'
    with_test_module "$@"
}

under_load() { # VARIABLE=VALUE... -- VERB
    export PKCS11_TEST_LOG=$HERE/calls PAUSED_FREES=$HERE/paused-frees
    while [ "$1" != -- ]; do
        export "${1?}"
        shift
    done
    "$2"
}

# Sixteen clients for each version and kind of key, which verify the chain: start_crowd TLS_CLIENTS-OPTIONS...
start_crowd() {
    local kind
    CROWD=()
    for kind in 1.2:RSA+SHA256 1.2:ECDSA+SHA256 1.3:RSA-PSS+SHA256:RSA+SHA256 1.3:ECDSA+SHA256; do
        OPENSSL_CONF=/dev/null "$TESTS/support/tls_clients" -c 16 -a "$CA" -v "${kind%%:*}" -s "${kind#*:}" "$@" "$PORT" >"crowd.${#CROWD[@]}.log" 2>&1 &
        CROWD+=($!)
    done
}
# Each of them has shaken hands, and none has failed.
join_crowd() {
    local pid
    for pid in "${CROWD[@]}"; do
        wait "$pid" || { cat ./*.log >&2; die "handshakes failed"; }
    done
}
crowd_is_served() {
    start_crowd -n 32
    join_crowd
}

# hang_up COUNT: so many clients leave in the middle of the handshake
hang_up() { OPENSSL_CONF=/dev/null "$TESTS/support/tls_clients" -h -c 8 -n "$1" "$PORT" || die "clients cannot connect"; }

calls_of() { grep -c "^$1" "$HERE/calls" || true; }
entries() { find "/proc/$SERVER_PID/$1" -mindepth 1 -maxdepth 1 | wc -l; }
sessions() { echo $(($(calls_of 'C_OpenSession CKR_OK') - $(calls_of 'C_CloseSession CKR_OK'))); }
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$SERVER_PID/status"; } # KiB

# As many workers as the directive allows
make_all_workers() {
    local try
    for try in $(seq 20); do
        crowd_is_served
        [ "$(cat /proc/"$SERVER_PID"/task/*/comm | grep -cx pkcs11-async)" != 8 ] || return 0
    done
    die "not all workers are made after $try crowds"
}
# No more than in the file "before": threads, descriptors, sessions
as_before() {
    local threads descriptors sessions
    read -r threads descriptors sessions <before
    [ "$(entries task)" -le "$threads" ] && [ "$(entries fd)" -le "$descriptors" ] && [ "$(sessions)" -le "$sessions" ]
}

paused_frees() { stat -c %s "$HERE/paused-frees"; }

# OpenSSL itself loses the stack of a job that nobody resumes: see Async.OpenSslLosesTheJobOfAConnectionThatIsFreedWhilePaused.
haproxy_bears_hang_ups() {
    local memory signatures lost
    start_program env LD_PRELOAD="${SCENARIO_PRELOAD:+$SCENARIO_PRELOAD:}$TESTS/support/paused_frees.so" haproxy -db -f "$HERE/haproxy.cfg"
    make_all_workers
    hang_up 350
    crowd_is_served
    echo "$(entries task) $(entries fd) $(sessions)" >before
    memory=$(memory) signatures=$(calls_of 'C_Sign ') lost=$(paused_frees)
    hang_up "$HANG_UPS"
    until_true 20 as_before || die "threads, descriptors, sessions: $(cat before), and now $(entries task) $(entries fd) $(sessions)"
    [ "$(calls_of 'C_Sign ')" -ge $((signatures + HANG_UPS / 4)) ] || die "most clients hung up before the token was asked"
    lost=$(($(paused_frees) - lost))
    [ "$lost" -gt 0 ] || die "nobody hung up while the token worked"
    [ -n "${SCENARIO_PRELOAD:-}" ] || [ "$(memory)" -le $((memory + 1024 + lost * 40)) ] || die "memory grew from $memory to $(memory) KiB with $lost lost jobs"
    crowd_is_served
    stop_program
}
scenario_servers_haproxy_hang_ups() { haproxy_under_load haproxy_bears_hang_ups "HANG_UPS=${HANG_UPS:-700}"; }

# signs_more COUNT: the token has made so many signatures since the file "signatures" was written
signs_more() { [ "$(calls_of 'C_Sign CKR_OK')" -ge $(($(cat signatures) + $1)) ]; }
# goes_on: 64 clients are still served
goes_on() {
    calls_of 'C_Sign CKR_OK' >signatures
    until_true 30 signs_more 200 || { cat ./*.log >&2; die "no more handshakes"; }
}

# Each process loses the token twice, with all its sessions.
haproxy_bears_losses_and_reloads() {
    local round
    start_program haproxy -W -db -f "$HERE/haproxy.cfg"
    start_crowd
    for round in 1 2; do
        goes_on
        reloads kill -USR2 "$SERVER_PID"
    done
    goes_on
    kill "${CROWD[@]}"
    join_crowd
    [ "$(calls_of 'C_SignInit CKR_DEVICE_REMOVED')" -ge "$round" ] || die "the token was not lost"
    [ "$(calls_of 'C_Sign CKR_SESSION_HANDLE_INVALID')" -ge "$round" ] || die "the sessions were not lost"
    stop_program
}
scenario_servers_haproxy_losses_and_reloads() {
    haproxy_under_load haproxy_bears_losses_and_reloads PKCS11_TEST_FAULT_EFFECT=close \
        PKCS11_TEST_FAULTS=C_SignInit:40=CKR_DEVICE_REMOVED,C_Sign:100=CKR_SESSION_HANDLE_INVALID
}

# Traffic Server with one thread for connections.
traffic_server_serves_in_jobs() {
    start_program traffic_server --run-root="$HERE/trafficserver"
    serves_both
    make_all_workers
    hang_up 350
    crowd_is_served
    [ "$(cat /proc/"$SERVER_PID"/task/*/comm | grep -c ET_NET)" = 1 ] || die "it has more threads"
    stop_program
}
scenario_servers_traffic_server() {
    local folder
    without_tsan traffic_server
    server_files traffic_server
    mkdir -p "$FILES"/trafficserver/{etc,var,run,log,cache}
    {
        printf '%s: /usr\n' prefix exec_prefix
        printf 'libexecdir: /usr/lib/trafficserver/modules\nsysconfdir: %s/etc\nlocalstatedir: %s/var\n' "$HERE/trafficserver" "$HERE/trafficserver"
        printf 'runtimedir: %s/run\nlogdir: %s/log\ncachedir: %s/cache\n' "$HERE/trafficserver" "$HERE/trafficserver" "$HERE/trafficserver"
    } >"$FILES/trafficserver/runroot.yaml"
    folder=$FILES/trafficserver/etc
    touch "$folder"/{remap,plugin,storage}.config "$folder"/{sni,logging}.yaml
    {
        documented traffic-server-records
        # One thread, which stays root, and nothing but handshakes
        printf 'CONFIG proxy.config.%s\n' 'exec_thread.autoconfig INT 0' 'exec_thread.limit INT 1' 'accept_threads INT 0' \
            'admin.user_id STRING #-1' 'http.cache.http INT 0' 'crash_log_helper STRING NULL'
    } >"$folder/records.config"
    documented traffic-server-multicert >"$folder/ssl_multicert.config"
    with_test_module traffic_server_serves_in_jobs
}

# s_server, with a standard input that never ends: start_asynchronous_server LABEL
start_asynchronous_server() {
    local try
    PORT=$(free_port) CA=$(certificate_of "$1")
    [ -e terminal ] || mkfifo terminal
    "${RUNNER[@]}" openssl s_server "${PROV[@]}" -accept "127.0.0.1:$PORT" -quiet -async -cert "$CA" -key "$(uri "$1")" >server.log 2>&1 <>terminal &
    SERVER_PID=$!
    for try in $(seq 100); do
        ! (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || return 0
        sleep 0.1
    done
    cat server.log >&2
    die "s_server does not start in $try tries"
}

# Each handshake is a job. With -www s_server would sleep for a second at each pause, and with -rev it does not know jobs.
scenario_servers_s_server_asynchronous() {
    local label options
    for label in rsa ec256; do
        start_asynchronous_server $label
        for options in -tls1_2 -tls1_3; do
            shakes_hands $options >client.log 2>&1 || { cat client.log server.log >&2; die "no handshake: $label $options"; }
        done
        # RSA without a signature: the token decrypts.
        [ $label != rsa ] || shakes_hands -tls1_2 -cipher AES128-GCM-SHA256 >client.log 2>&1 || { cat client.log server.log >&2; die "no decryption"; }
        for options in 1.2 1.3; do
            OPENSSL_CONF=/dev/null "$TLS_CLIENTS" -c 4 -n 16 -v $options "$PORT" || { cat server.log >&2; die "handshakes failed: $label $options"; }
        done
        cat /proc/"$SERVER_PID"/task/*/comm | holds -x pkcs11-async || die "no worker waited for the token"
        stop_server
    done
}

# The command has no option for a key: it makes the keys that it measures.
scenario_servers_speed_takes_no_key() {
    openssl speed -help 2>&1 | holds -e '-async_jobs' || die "openssl speed knows no jobs: docs/servers.md says it does"
    openssl speed -help 2>&1 | lacks -E '^ -(key|inkey|in) ' || die "openssl speed takes a key: docs/servers.md says it does not"
}
