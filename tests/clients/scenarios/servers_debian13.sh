# SPDX-License-Identifier: Apache-2.0
# The same servers and clients in the Debian 13 root, and those of which Debian 12's versions cannot use keys on a token.
# shellcheck shell=bash

# server_in_debian13 NAME: that scenario of servers.sh or servers_clients.sh, there
server_in_debian13() {
    debian13
    tokens13
    "scenario_$1"
}
scenario_debian13_servers_nginx() { server_in_debian13 servers_nginx; }
scenario_debian13_servers_apache() { server_in_debian13 servers_apache; }
scenario_debian13_servers_haproxy() { server_in_debian13 servers_haproxy; }
scenario_debian13_servers_haproxy_asynchronous() { server_in_debian13 servers_haproxy_asynchronous; }
scenario_debian13_servers_haproxy_hang_ups() { server_in_debian13 servers_haproxy_hang_ups; }
scenario_debian13_servers_haproxy_losses_and_reloads() { server_in_debian13 servers_haproxy_losses_and_reloads; }
scenario_debian13_servers_stunnel() { server_in_debian13 servers_stunnel; }
scenario_debian13_servers_curl() { server_in_debian13 servers_curl; }
scenario_debian13_servers_stunnel_client() { server_in_debian13 servers_stunnel_client; }
scenario_debian13_servers_openvpn() { server_in_debian13 servers_openvpn; }

scenario_debian13_servers_curl_uri() {
    debian13
    tokens13
    server_files curl
    on_debian curl_shows "$(documented curl-uri)"
    # It has a library context of its own, in which openssl.cnf says nothing.
    refused13 "no PIN was given" ". ./functions.sh; start_verifying_server; curl --cacert ca.pem -sS --key-type PROV --cert rsa.cert.pem --key 'pkcs11:token=scenarios;object=rsa;type=private' https://localhost:$PORT/"
}

verifies() { OPENSSL_CONF=/dev/null dnssec-verify -o example "$1"; }

# bind_signs KEY-TYPE: keys for a zone, which dnssec-signzone signs, and then named; dnssec-verify has no provider
bind_signs() {
    local tool=(pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label scenarios --login --pin "$PIN")
    "${tool[@]}" --keypairgen --key-type "$1" --label ksk --id 71 --usage-sign
    "${tool[@]}" --keypairgen --key-type "$1" --label zsk --id 72 --usage-sign
    # shellcheck disable=SC2016 # that is the zone's
    printf '$TTL 3600\n@ SOA ns admin 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n' >example.zone
    # shellcheck source=/dev/null
    . ./bind-keys
    cat keys/*.private | lacks PrivateKey || die "a private key is in a file"
    # shellcheck source=/dev/null
    . ./bind-sign
    verifies example.signed

    named -g -c "$HERE/named.conf" >named.log 2>&1 &
    SERVER_PID=$!
    # It signs bit by bit.
    for _ in $(seq 100); do
        ! { dig @127.0.0.1 -p "$PORT" example axfr >transferred && verifies transferred; } || break
        sleep 0.1
    done
    verifies transferred || { cat named.log >&2; die "named's zone"; }
    # Signed with the same keys: named adds none of its own.
    [ "$(ls keys/*.private)" = "$(cat made)" ] || { cat named.log >&2; die "other keys: $(ls keys)"; }
    ended $SERVER_PID named.log
}

# Not Ed25519, whose private key BIND 9.20 wants to have in its file.
bind_with() { # ALGORITHM KEY-TYPE
    local block
    debian13
    tokens13
    server_files dnssec-keyfromlabel
    for block in bind-keys bind-sign named.conf; do
        documented $block | sed "s/ECDSAP256SHA256/${1^^}/; s/ecdsap256sha256/$1/" >"$FILES/$block"
    done
    echo 'ls keys/*.private >made' >>"$FILES/bind-keys"
    cat >>"$FILES/named.conf" <<CONF
controls { };
options {
    directory "$HERE";
    listen-on port $PORT { 127.0.0.1; };
    listen-on-v6 { none; };
    allow-transfer { any; };
    pid-file "$HERE/named.pid";
    session-keyfile "$HERE/session.key";
    recursion no;
    dnssec-validation no;
};
CONF
    on_debian bind_signs "$2"
}
scenario_debian13_servers_bind_refused() {
    debian13
    tokens13
    server_files dnssec-keyfromlabel
    refused13 "crypto failure" "dnssec-keyfromlabel -a ECDSAP256SHA256 -l 'pkcs11:token=scenarios;object=bare-ec' example"
    refused13 "failed to write key" "dnssec-keyfromlabel -a ED25519 -l 'pkcs11:token=scenarios;object=ed25519' example"
}
# BIND makes the keys: nothing but references to the token is in its files.
bind_makes_keys() {
    local tool=(pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label scenarios --login --pin "$PIN") before
    before=$("${tool[@]}" --list-objects --type privkey 2>/dev/null | grep -c label:)
    mkdir -p keys
    # shellcheck source=/dev/null
    . ./bind-keygen
    [ "$("${tool[@]}" --list-objects --type privkey 2>/dev/null | grep -c label:)" = $((before + 2)) ] || die "not two new keys on the token"
    cat keys/*.private | lacks PrivateKey || die "a private key is in a file"
    # shellcheck disable=SC2016 # that is the zone's
    printf '$TTL 3600\n@ SOA ns admin 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n' >example.zone
    # shellcheck source=/dev/null
    . ./bind-sign
    verifies example.signed
}
scenario_debian13_servers_bind_key_store() {
    local block
    debian13
    tokens13
    server_files dnssec-keyfromlabel
    for block in bind-key-store bind-keygen bind-sign; do documented $block >"$FILES/$block"; done
    on_debian bind_makes_keys
}
# What docs/servers.md warns of: an Ed25519 key is made in a file, though a key store is named.
bind_makes_a_file() {
    mkdir -p keys
    # shellcheck source=/dev/null
    . ./bind-keygen
    grep -l PrivateKey: keys/K*.private || die "no private key in a file: docs/servers.md need not warn"
}
scenario_debian13_servers_bind_key_store_ed25519() {
    local block
    debian13
    tokens13
    server_files dnssec-keyfromlabel
    for block in bind-key-store bind-keygen; do documented $block | sed 's/ecdsap256sha256/ed25519/' >"$FILES/$block"; done
    on_debian bind_makes_a_file
}
scenario_debian13_servers_bind_ec() { bind_with ecdsap256sha256 EC:prime256v1; }
scenario_debian13_servers_bind_rsa() { bind_with rsasha256 RSA:2048; }
