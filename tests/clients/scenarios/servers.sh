# SPDX-License-Identifier: Apache-2.0
# Servers of Debian's packages that have their keys on the token, configured as docs/servers.md says. Here and in the
# Debian 13 root run the same functions.
# shellcheck shell=bash

# documented BLOCK: that block of docs/servers.md or docs/programs.md, with this scenario's folder, token and port in place of the examples'.
documented() {
    local text
    text=$(sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$SOURCE"/docs/{servers,programs}.md | sed '1d;$d')
    [ -n "$text" ] || die "the documents have no block $1"
    sed "s|/etc/hsm|$HERE|g; s|/var/lib/softhsm/tokens|$HERE/tokens|g; s|token=demo|token=scenarios|g; s|\\b4433\\b|$PORT|g; s|\\b4434\\b|$PORT2|g" <<<"$text"
}

# Ports that nothing listens on. They lie below those that the kernel gives to clients.
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((10000 + RANDOM % 20000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    die "no free port"
}

# What the examples have in /etc/hsm: openssl.cnf, the PIN that only root reads, an authority, certificates of the keys
# "rsa" and "ec256", and their key references; and server.*.pem for servers that clients are tried with. FILES is the folder, HERE its name for the programs.
server_files() { # PROGRAM
    local label public
    [ -n "${HOME13:-}" ] || command -v "$1" >/dev/null || { echo "$1 is not installed"; exit 77; }
    [ -n "${HOME13:-}" ] || getent group softhsm >/dev/null || { echo "SoftHSM's package has no group softhsm here"; exit 77; }
    FILES=${HOME13:-$WORK} HERE=${HOME13:+/srv}
    HERE=${HERE:-$WORK} PORT=$(free_port) CA=$HERE/ca.pem
    PORT2=$PORT
    while [ "$PORT2" = "$PORT" ]; do PORT2=$(free_port); done
    (umask 077 && echo "$PIN" >"$FILES/pin")
    cp "$(certificate_of ec384)" "$FILES/ca.pem"
    cp "$TOKENS/rsa3072.pem" "$FILES/server.key.pem"
    for label in rsa ec256 server; do
        public=$(public_of "${label/server/rsa3072}")
        plain x509 -new -force_pubkey "$public" -subj "/CN=$label" -days 30 -CA "$(certificate_of ec384)" -CAkey "$TOKENS/ec384.pem" \
            -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$FILES/$label.cert.pem"
    done
    documented openssl.cnf >"$FILES/openssl.cnf"
    # Workers that are nobody see the token, by the group alone, and not the PIN.
    chmod 755 "$FILES"
    chmod -R go= "$FILES/tokens"
    if [ -n "${HOME13:-}" ]; then
        # shellcheck disable=SC2034 # debian13.sh uses it
        ENV13=(OPENSSL_CONF=/srv/openssl.cnf)
    else
        sed -i "s|^\[pkcs11_section\]|&\nmodule = $PROVIDER|; s|^pkcs11-module-path.*|pkcs11-module-path = $PKCS11_PROVIDER_MODULE|" openssl.cnf
        export OPENSSL_CONF=$WORK/openssl.cnf
        unset PKCS11_PROVIDER_MODULE
        # libp11's engine would take the URIs in this provider's place.
        export OPENSSL_ENGINES=$WORK/no-engines
    fi
    on_debian run "$(documented key-references)"
    on_debian run "$(documented softhsm-group)"
}
# run COMMANDS: those of the documents
run() {
    # shellcheck disable=SC2317 # it is what eval calls
    openssl() { command "${RUNNER[@]}" openssl "$@"; }
    eval "$1"
    unset -f openssl
}

# on_debian FUNCTION...: it runs here, or in Debian 13 after debian13.
on_debian() {
    if [ -n "${HOME13:-}" ]; then
        { declare -f && declare -p PORT PORT2 HERE CA PIN RUNNER; } >"$HOME13/functions.sh"
        works13 ". ./functions.sh; $(printf '%q ' "$@")"
    else
        "$@"
    fi
}

# It was ended by us and by nothing else.
stop_program() {
    ended "$SERVER_PID" ./*.log
    cat ./*.log | lacks -E 'exited on signal|exit signal|\[alert\]|\[emerg\]' || { cat ./*.log >&2; die "the server complains"; }
}

# The program in the foreground, until it shakes hands. In a process group of its own, since Apache ends its whole group.
start_program() {
    setsid "${RUNNER[@]}" "$@" >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    for _ in $(seq 100); do
        ! shakes_hands >client.log 2>&1 || return 0
        kill -0 $SERVER_PID 2>/dev/null || break
        sleep 0.1
    done
    cat ./*.log >&2
    die "$1 does not serve"
}

# shakes_with SIGNATURE S_CLIENT-OPTIONS...: OpenSSL's client verifies the chain, and the server signs so. 3.0 and 3.5 name it differently.
shakes_with() {
    local kind=$1
    shift
    if ! shakes_hands -servername localhost -verify_hostname localhost "$@" >client.log 2>&1 || ! grep -qE "^Peer signature type: ($kind)\$" client.log; then
        cat ./*.log >&2
        die "no handshake: $kind $*"
    fi
}
serves_rsa() {
    shakes_with "RSA|rsa_pkcs1_sha256" -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 -sigalgs RSA+SHA256
    shakes_with "RSA-PSS|rsa_pss_rsae_sha256" -tls1_3 -sigalgs rsa_pss_rsae_sha256:RSA+SHA256
}
serves_ec() {
    shakes_with "ECDSA|ecdsa_secp256r1_sha256" -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 -sigalgs ECDSA+SHA256
    shakes_with "ECDSA|ecdsa_secp256r1_sha256" -tls1_3 -sigalgs ECDSA+SHA256
}
# Several times, so that every worker has its turn.
serves_both() {
    for _ in 1 2 3 4; do
        serves_rsa
        serves_ec
    done
}

workers() { cat "/proc/$SERVER_PID/task/$SERVER_PID/children"; }
# reloads COMMAND...: other workers take over
reloads() {
    local old worker
    old=" $(workers) "
    "$@"
    for _ in $(seq 150); do
        sleep 0.1
        for worker in $(workers) none; do
            [[ $old != *" $worker "* ]] || continue 2
        done
        [ "$worker" != "$(workers)none" ] && return 0
    done
    die "the old workers stay: $*"
}

# nginx_configuration FOLDER [USER]: the server that comes on standard input, in a configuration with workers that are nobody
nginx_configuration() {
    cat <<CONF
daemon off;
master_process on;
worker_processes 2;
pid $1/nginx.pid;
error_log $1/nginx-error.log;
user ${2:-nobody softhsm};
env P11_KIT_SERVER_ADDRESS;
env OPENSSL_CONF;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $1/temp; proxy_temp_path $1/temp; fastcgi_temp_path $1/temp; uwsgi_temp_path $1/temp; scgi_temp_path $1/temp;
    ssl_session_cache off;
    ssl_session_tickets off;
$(cat)
}
CONF
}

nginx_serves() {
    start_program nginx -p "$HERE" -c "$HERE/nginx.conf"
    serves_both
    reloads "${RUNNER[@]}" nginx -p "$HERE" -c "$HERE/nginx.conf" -s reload
    serves_both
    stop_program
}

scenario_servers_nginx() {
    server_files nginx
    documented nginx | nginx_configuration "$HERE" >"$FILES/nginx.conf"
    on_debian nginx_serves
}

# A program that takes a key from a file tells why that key is not found on the token.
scenario_servers_wrong_pin() {
    server_files nginx
    documented nginx | nginx_configuration "$HERE" >nginx.conf
    (umask 077 && echo "$WRONG_PIN" >pin)
    fails "C_Login answered CKR_PIN_INCORRECT for token \"scenarios\"" nginx -t -p "$WORK" -c "$WORK/nginx.conf"
}

apache_serves() { # CONFIGURATION
    start_program apache2 -f "$HERE/$1" -DFOREGROUND
    serves_both
    reloads "${RUNNER[@]}" apache2 -f "$HERE/$1" -k graceful
    serves_both
    stop_program
}

apache_configuration() { # MPM
    local modules=/usr/lib/apache2/modules
    cat <<CONF
ServerRoot $HERE
ServerName localhost
DocumentRoot $HERE
PidFile $HERE/httpd.pid
ErrorLog $HERE/httpd-error.log
Mutex file:$HERE
User nobody
Group softhsm
LoadModule mpm_$1_module $modules/mod_mpm_$1.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule ssl_module $modules/mod_ssl.so
Listen 127.0.0.1:$PORT
$(cat)
CONF
}

scenario_servers_apache() {
    without_tsan apache2
    local mpm
    server_files apache2
    for mpm in prefork event; do
        documented apache | apache_configuration $mpm >"$FILES/$mpm.conf"
        on_debian apache_serves $mpm.conf
    done
    documented apache | sed -E "s|\"pkcs11:.*object=([a-z0-9]*);.*\"|$HERE/\1.key.pem|" | apache_configuration event >"$FILES/reference.conf"
    grep -q "key.pem" "$FILES/reference.conf" || die "no key references: $(cat "$FILES/reference.conf")"
    on_debian apache_serves reference.conf
}

haproxy_serves() {
    start_program haproxy -W -db -f "$HERE/haproxy.cfg"
    serves_both
    reloads kill -USR2 "$SERVER_PID"
    serves_both
    stop_program
    start_program haproxy -db -f "$HERE/haproxy.cfg"
    serves_both
    stop_program
}

# haproxy_files [LINE]: the documented configuration, and LINE in its section "global"
haproxy_files() {
    without_tsan haproxy
    server_files haproxy
    on_debian run "$(documented haproxy-files)"
    { printf 'global\n    user nobody\n    group softhsm\n    %s\n' "${1:-}" && documented haproxy; } >"$FILES/haproxy.cfg"
}
# haproxy_with VERB [LINE]
haproxy_with() {
    haproxy_files "${@:2}"
    on_debian "$1"
}

scenario_servers_haproxy() { haproxy_with haproxy_serves; }

# Each handshake is a job of OpenSSL, which pauses while one of the provider's threads waits for the token.
haproxy_serves_in_jobs() {
    haproxy_serves
    start_program haproxy -db -f "$HERE/haproxy.cfg"
    serves_both
    cat /proc/"$SERVER_PID"/task/*/comm | holds -x pkcs11-async || die "no worker waited for the token"
    stop_program
}
scenario_servers_haproxy_asynchronous() { haproxy_with haproxy_serves_in_jobs $'ssl-mode-async\n    insecure-fork-wanted'; }

# It has read its configuration twice, and listens on both ports since.
bound_again() { [[ $(grep -c 'Configuration successful' server.log) == 2 && $(grep -c 'bound to' server.log) == 4 ]]; }

# stunnel has no workers, but threads. Its settings are read again as nobody, who cannot read the PIN.
stunnel_serves() {
    start_program stunnel4 "$HERE/stunnel.conf"
    serves_rsa
    PORT=$PORT2 serves_ec
    kill -HUP "$SERVER_PID"
    until_true 20 bound_again || { cat server.log >&2; die "the configuration is not read again"; }
    serves_rsa
    PORT=$PORT2 serves_ec
    stop_program
}

scenario_servers_stunnel() {
    server_files stunnel4
    # It says what it listens on only at this level.
    { printf 'foreground = yes\npid =\ndebug = info\nsetuid = nobody\nsetgid = softhsm\n' && documented stunnel-server | sed "s|^connect = .*|exec = /bin/cat|"; } >"$FILES/stunnel.conf"
    on_debian chmod a+r "$HERE"/rsa.key.pem "$HERE"/ec256.key.pem
    on_debian stunnel_serves
}

# A thread for each of twelve clients, and a token that has three sessions: who finds none free waits.
scenario_servers_many_clients() {
    logged_module
    export PKCS11_TEST_MAX_SESSIONS=3 PKCS11_TEST_DELAY_CRYPTO_US=10000
    server_files stunnel4
    { printf 'foreground = yes\npid =\n' && documented stunnel-server | sed "s|^connect = .*|exec = /bin/cat|"; } >stunnel.conf
    rm calls
    start_program stunnel4 "$HERE/stunnel.conf"
    crowd_of_rsa
    PORT=$PORT2 crowd_of_ec
    stop_program
    [ "$(logged '^C_OpenSession CKR_OK')" -gt 1 ] || die "no two clients were served at once"
    [ "$(logged '^C_OpenSession CKR_OK')" -le $((3 + $(logged '^C_CloseSession CKR_OK'))) ] || die "more sessions than there are"
}
