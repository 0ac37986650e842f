# SPDX-License-Identifier: Apache-2.0
# Programs of Debian's packages that show a client certificate whose key is on the token, configured as docs/servers.md says.
# shellcheck shell=bash

# A server with a key in a file that insists on a client certificate of the authority, and tells whose it was.
start_verifying_server() {
    env OPENSSL_CONF=/dev/null openssl s_server -accept "127.0.0.1:$PORT" -www -quiet -cert "$HERE/server.cert.pem" -key "$HERE/server.key.pem" \
        -Verify 1 -CAfile "$CA" -verify_return_error >verifying.log 2>&1 </dev/null &
    VERIFYING_PID=$!
    for _ in $(seq 100); do
        ! (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || return 0
        sleep 0.1
    done
    die "s_server does not answer"
}

# shown_as NAME VERSION: what the server says in the page that the client got
shown_as() {
    grep -qE "Subject: CN ?= ?$1\$" page || { cat page ./*.log >&2; die "no page for $1"; }
    grep -qE "Protocol *: $2\$" page || die "not with $2: $(grep Protocol page)"
}

# curl_shows COMMAND: the documented command, for both keys
curl_shows() {
    local label options
    start_verifying_server
    for label in rsa ec256; do
        for options in "--tls-max 1.2" "--tlsv1.3"; do
            # shellcheck disable=SC2086,SC2317 # the options are words, and it is what eval calls
            curl() { command "${RUNNER[@]}" curl -sS $options "$@"; }
            # shellcheck disable=SC2001 # a whole word
            eval "$(sed "s/\\brsa\\b/$label/g" <<<"$1")" >page 2>client.log || { cat client.log >&2; die "curl $label $options: $?"; }
            unset -f curl
            shown_as "$label" "TLSv1.${options##*1.}"
        done
    done
    ended "$VERIFYING_PID" verifying.log
}

scenario_servers_curl() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "curl does not end with the sanitizer's runtime"; exit 77; }
    server_files curl
    on_debian curl_shows "$(documented curl)"
}

# curl before 8.12 asks engines for keys that have a URI, and for nothing else.
scenario_servers_curl_uri_refused() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "curl does not end with the sanitizer's runtime"; exit 77; }
    server_files curl
    [[ $(curl --version) =~ ^curl\ (7|8\.([0-9]|1[01]))\. ]] || { echo "this curl takes URIs"; exit 77; }
    start_verifying_server
    fails "Engine 'pkcs11' not found" curl -sS --key "pkcs11:token=scenarios;object=rsa;type=private" --cacert ca.pem --cert rsa.cert.pem "https://localhost:$PORT/"
    ended "$VERIFYING_PID" verifying.log
}

stunnel_shows() {
    local label
    start_verifying_server
    for label in rsa ec256; do
        "${RUNNER[@]}" stunnel4 "$HERE/$label.conf" >stunnel.log 2>&1 </dev/null &
        SERVER_PID=$!
        for _ in $(seq 100); do
            ! (: <"/dev/tcp/127.0.0.1/$PORT2") 2>/dev/null || break
            sleep 0.1
        done
        exec 5<>"/dev/tcp/127.0.0.1/$PORT2"
        printf 'GET / HTTP/1.0\r\n\r\n' >&5
        timeout 20 cat <&5 >page
        exec 5>&-
        shown_as "$label" TLSv1.3
        stop_program
    done
    ended "$VERIFYING_PID" verifying.log
}

scenario_servers_stunnel_client() {
    local label
    server_files stunnel4
    on_debian chmod a+r "$HERE"/rsa.key.pem "$HERE"/ec256.key.pem
    for label in rsa ec256; do
        { printf 'foreground = yes\npid =\nsetuid = nobody\nsetgid = softhsm\n' && documented stunnel-client | sed "s/\\brsa\\b/$label/"; } >"$FILES/$label.conf"
    done
    on_debian stunnel_shows
}

# The tunnel's both ends: each verifies the other's certificate.
openvpn_connects() { # SERVER CLIENT: the keys
    local end
    "${RUNNER[@]}" openvpn --config "$HERE/server.ovpn" >server.log 2>&1 </dev/null &
    # shellcheck disable=SC2034 # stop_program reads it
    SERVER_PID=$!
    # Not both at once: a process that starts while another logs in to SoftHSM does not see the token.
    for _ in $(seq 100); do
        if grep -q "Listening for incoming" server.log; then break; fi
        sleep 0.1
    done
    "${RUNNER[@]}" openvpn --config "$HERE/client.ovpn" >client.log 2>&1 </dev/null &
    CLIENT_PID=$!
    for end in server client; do
        for _ in $(seq 200); do
            if grep -q "Initialization Sequence Completed" $end.log; then break; fi
            sleep 0.1
        done
        grep -q "Initialization Sequence Completed" $end.log || { cat ./*.log >&2; die "the $end's tunnel is not there"; }
    done
    grep -q "VERIFY OK: depth=0, CN=$1\$" client.log || die "whom the client verified: $(grep VERIFY client.log)"
    grep -q "VERIFY OK: depth=0, CN=$2\$" server.log || die "whom the server verified: $(grep VERIFY server.log)"
    # New keys for the tunnel are agreed on by who cannot read the PIN any more.
    for _ in $(seq 300); do
        [ "$(grep -c "VERIFY OK: depth=0" server.log)" -lt 3 ] || break
        sleep 0.1
    done
    [ "$(grep -c "VERIFY OK: depth=0" server.log)" -ge 3 ] || { cat ./*.log >&2; die "no renegotiation"; }
    ended $CLIENT_PID client.log
    stop_program
}

scenario_servers_openvpn() {
    without_tsan openvpn
    local keys end
    server_files openvpn
    for keys in "rsa ec256" "ec256 rsa"; do
        for end in server client; do
            # A tunnel without a network device, which takes no rights.
            { documented openvpn-$end | sed 's/^dev tun/dev null\nifconfig-noexec\nreneg-sec 2\nverb 3/'; } >"$FILES/$end.ovpn"
            [ "$keys" = "rsa ec256" ] || sed -i 's/\brsa\b/other/; s/\bec256\b/rsa/; s/\bother\b/ec256/' "$FILES/$end.ovpn"
        done
        # shellcheck disable=SC2086 # two words
        on_debian openvpn_connects $keys
    done
}

# BIND 9.18 takes keys from engines alone, and Debian's has none.
scenario_servers_bind_refused() {
    server_files dnssec-keyfromlabel
    [[ $(dnssec-keyfromlabel -V 2>&1) =~ \ 9\.1[0-8] ]] || { echo "this BIND takes URIs"; exit 77; }
    fails "no engine" dnssec-keyfromlabel -a ECDSAP256SHA256 -l 'pkcs11:token=scenarios;object=ec256' example
}
