#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# handshakes.sh BUILD TEST_MODULE TOKENS RESULTS: full TLS 1.3 handshakes a second of HAProxy with one thread and a P-256 key,
# without and with asynchronous jobs, by the time of each call into the module and the number of clients. Writes handshakes.tsv to
# RESULTS: milliseconds, clients, mode, repetition, handshakes a second. HANDSHAKE_SECONDS is 0.4 without.
set -euo pipefail

build=$1 test_module=$2 tokens=$3 results=$4
clients=$build/tests/support/tls_clients
repetitions=${BENCH_REPETITIONS:-15}
delays=(0 1 2 5) # milliseconds
modes=(without with)

command -v haproxy >/dev/null || { echo "HAProxy is not installed: no handshakes"; exit 0; }
work=$(mktemp -d)
servers=()
finish() {
    [ ${#servers[@]} = 0 ] || kill "${servers[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap finish EXIT

export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE
unset PKCS11_PROVIDER_MODULE PKCS11_MODULE_PATH # which take precedence over the configuration
cat >"$work/openssl.cnf" <<CONF
openssl_conf = openssl_init
[openssl_init]
providers = provider_section
[provider_section]
default = default_section
pkcs11 = pkcs11_section
[default_section]
activate = 1
[pkcs11_section]
activate = 1
module = $build/pkcs11.so
pkcs11-module-path = $test_module
pkcs11-module-token-pin = 1234
CONF
openssl req -x509 -new -key "$tokens/ec256.pem" -subj /CN=localhost -days 30 -out "$work/site.pem"
OPENSSL_CONF=$work/openssl.cnf openssl pkey -in 'pkcs11:token=bench;object=ec256;type=private' >>"$work/site.pem"

# configuration MODE PORT: that of docs/servers.md
configuration() {
    printf 'global\n    nbthread 1\n'
    [ "$1" = without ] || printf '    ssl-mode-async\n    insecure-fork-wanted\n'
    printf 'frontend www\n    mode http\n    timeout client 10s\n    bind 127.0.0.1:%s ssl crt %s/site.pem\n    http-request return status 200\n' "$2" "$work"
}

# start MODE MILLISECONDS PORT: one after the other, because a process does not see a SoftHSM token that another logs in to
start() {
    local try
    configuration "$1" "$3" >"$work/$3.cfg"
    OPENSSL_CONF=$work/openssl.cnf PKCS11_TEST_DELAY_US=$(($2 * 1000)) haproxy -db -f "$work/$3.cfg" >"$work/$3.log" 2>&1 </dev/null &
    servers+=($!)
    for try in $(seq 100); do
        ! "$clients" -n 1 "$3" >/dev/null 2>&1 || break
        [ "$try" != 100 ] || { cat "$work/$3.log" >&2; exit 1; }
        sleep 0.1
    done
    "$clients" -c 64 -t 0.3 "$3" >/dev/null # threads are made, and copies of the key
}

declare -A port
next=$((20000 + RANDOM % 10000))
for delay in "${delays[@]}"; do
    for mode in "${modes[@]}"; do
        while (: <"/dev/tcp/127.0.0.1/$next") 2>/dev/null; do next=$((next + 1)); done
        port[$mode,$delay]=$next
        start "$mode" "$delay" "${port[$mode,$delay]}"
    done
done

# The two of a pair follow each other, and all pairs are repeated, so that other load on the machine meets all alike.
for repetition in $(seq "$repetitions"); do
    echo "handshakes: repetition $repetition of $repetitions" >&2
    for count in 1 16 32 64; do
        for delay in "${delays[@]}"; do
            for mode in "${modes[@]}"; do
                rate=$("$clients" -c "$count" -t "${HANDSHAKE_SECONDS:-0.4}" "${port[$mode,$delay]}" | sed -E 's/.* ([0-9.]+) a second/\1/')
                printf '%s\t%s\t%s\t%s\t%s\n' "$delay" "$count" "$mode" "$repetition" "$rate"
            done
        done
    done
done >"$results/handshakes.tsv"
