# SPDX-License-Identifier: Apache-2.0
# Programs of docs/programs.md that log in to networks by certificates.
# shellcheck shell=bash

# eap_client: the user's certificate and configuration
eap_client() {
    issue ec256 user 'extendedKeyUsage=clientAuth'
    documented eapol >eapol.conf
}
logs_in() { timeout 20 eapol_test -c "$1" -a 127.0.0.1 -p "$PORT" -s secret >eapol.txt 2>&1 && [ "$(tail -n 1 eapol.txt)" = SUCCESS ]; }

scenario_programs_eap() {
    programs_files eapol_test
    command -v hostapd >/dev/null || { echo "hostapd is not installed"; exit 77; }
    eap_client
    { documented hostapd && printf 'driver=none\nradius_server_clients=%s/clients\nradius_server_auth_port=%s\n' "$WORK" "$PORT"; } >hostapd.conf
    echo '127.0.0.1/32 secret' >clients
    echo '* TLS' >eap-users
    hostapd hostapd.conf >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    until_true 20 grep -q 'AP-ENABLED' server.log || { cat server.log >&2; die "hostapd does not start"; }
    logs_in eapol.conf || { cat eapol.txt server.log >&2; die "no login"; }
    # The client's pass phrase is the PIN.
    sed 's|^ *private_key=.*|&\n    private_key_passwd="'"$PIN"'"|' eapol.conf >passwd.conf
    without_pin logs_in passwd.conf || { cat eapol.txt >&2; die "private_key_passwd is not the PIN"; }
    # The reason is among those of the other forms that it tries, or is lost by them.
    wrongly timeout 5 eapol_test -c eapol.conf -a 127.0.0.1 -p "$PORT" -s secret -t 2 >eapol.txt 2>&1 || true
    grep -qE 'pkcs11::the PIN was refused|DECODER routines::unsupported' eapol.txt || { cat eapol.txt >&2; die "another message"; }
    ended "$SERVER_PID" server.log
}

scenario_programs_freeradius() {
    programs_files freeradius
    command -v eapol_test >/dev/null || { echo "eapol_test is not installed"; exit 77; }
    eap_client
    { cat <<CONF && documented freeradius | sed 's/^/    /' && cat <<'SITES'; } >radiusd.conf
logdir = $HERE
run_dir = $HERE
pidfile = $HERE/radiusd.pid
libdir = /usr/lib/freeradius
client localhost {
    ipaddr = 127.0.0.1
    secret = secret
}
server default {
    listen {
        type = auth
        ipaddr = 127.0.0.1
        port = $PORT
    }
    authorize {
        eap
    }
    authenticate {
        eap
    }
}
modules {
CONF
}
SITES
    chmod 640 radiusd.conf
    freeradius -d "$WORK" -n radiusd -f -l stdout >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    until_true 20 grep -q 'Ready to process requests' server.log || { cat server.log >&2; die "freeradius does not start"; }
    logs_in eapol.conf || { cat eapol.txt server.log >&2; die "no login"; }
    ended "$SERVER_PID" server.log
    sed 's|^ *private_key_file.*|&\n            private_key_password = '"$PIN"'|' radiusd.conf >password.conf
    chmod 640 password.conf
    without_pin succeeds freeradius -d "$WORK" -n password -C -l stdout
    wrongly says "pkcs11::the PIN was refused" freeradius -d "$WORK" -n radiusd -C -l stdout
}

# The certificates' names are those of RFC 4556.
kerberos_extensions() {
    cat <<'CNF'
[kdc]
keyUsage=digitalSignature,keyEncipherment
extendedKeyUsage=1.3.6.1.5.2.3.5
subjectAltName=DNS:localhost,otherName:1.3.6.1.5.2.2;SEQUENCE:kdc_name
[kdc_name]
realm=EXP:0,GeneralString:EXAMPLE
name=EXP:1,SEQUENCE:kdc_principal
[kdc_principal]
type=EXP:0,INTEGER:2
parts=EXP:1,SEQUENCE:kdc_parts
[kdc_parts]
one=GeneralString:krbtgt
two=GeneralString:EXAMPLE
[user]
keyUsage=digitalSignature
extendedKeyUsage=1.3.6.1.5.2.3.4
subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:user_name
[user_name]
realm=EXP:0,GeneralString:EXAMPLE
name=EXP:1,SEQUENCE:user_principal
[user_principal]
type=EXP:0,INTEGER:1
parts=EXP:1,SEQUENCE:user_parts
[user_parts]
one=GeneralString:user
CNF
}
kerberos_certificate() { # LABEL NAME
    plain x509 -new -force_pubkey "$(public_of "$1")" -subj "/CN=$2" -days 30 -CA "$CA" -CAkey "$TOKENS/ec384.pem" -extfile extensions.cnf -extensions "$2" -out "$2.pem"
}
kerberos_files() {
    programs_files krb5kdc
    command -v kadmin.local >/dev/null || { echo "kadmin.local is not installed"; exit 77; }
    kerberos_extensions >extensions.cnf
    kerberos_certificate rsa kdc
    kerberos_certificate ec256 user
    cat >krb5.conf <<CONF
[libdefaults]
default_realm = EXAMPLE
dns_lookup_kdc = false
rdns = false
[realms]
EXAMPLE = {
    kdc = 127.0.0.1:$PORT
    pkinit_anchors = FILE:$CA
}
CONF
    { documented krb5-kdc | sed "s|^}|    database_name = $HERE/principal\n    key_stash_file = $HERE/stash\n}|" &&
        printf '[kdcdefaults]\nkdc_listen = 127.0.0.1:%s\nkdc_tcp_listen = 127.0.0.1:%s\n' "$PORT" "$PORT"; } >kdc.conf
    export KRB5_CONFIG=$WORK/krb5.conf KRB5_KDC_PROFILE=$WORK/kdc.conf KRB5CCNAME=FILE:$WORK/tickets
    succeeds kdb5_util create -s -r EXAMPLE -P master
    succeeds kadmin.local -q 'addprinc -randkey +requires_preauth user'
}
scenario_programs_kerberos() {
    kerberos_files
    krb5kdc -n >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    until_true 20 grep -q 'starting' server.log || { cat server.log >&2; die "krb5kdc does not start"; }
    documented_command kinit
    klist | holds 'krbtgt/EXAMPLE@EXAMPLE' || die "no ticket"
    # A client with a key in a file, which knows nothing of the provider, believes the KDC.
    rm tickets
    with_software kinit -X "X509_user_identity=FILE:$HERE/user.pem,$TOKENS/ec256.pem" user </dev/null >kinit.txt 2>&1 || { cat kinit.txt >&2; die "kinit with a key in a file"; }
    wrongly says "PKINIT|Pre-authentication failed|Password|preauth" kinit -X "X509_user_identity=FILE:$HERE/user.pem,$HERE/ec256.key.pem" user
    ended "$SERVER_PID" server.log
}

# A server whose client, OpenSSH, verifies the signature of the key exchange. Version 0.10 copies the key's numbers for each session.
scenario_programs_libssh() {
    local label
    programs_files ssh
    [ -e /usr/include/libssh/server.h ] || { echo "libssh is not installed"; exit 77; }
    cat >server.c <<'C'
#include <libssh/server.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char** argv) {
    ssh_key key = NULL;
    ssh_bind server = ssh_bind_new();
    ssh_session session = ssh_new();
    int port = atoi(argv[1]);
    if (argc != 3 || ssh_pki_import_privkey_file(argv[2], NULL, NULL, NULL, &key) != SSH_OK)
        return fputs("the key is not imported\n", stderr), 1;
    ssh_bind_options_set(server, SSH_BIND_OPTIONS_BINDADDR, "127.0.0.1");
    ssh_bind_options_set(server, SSH_BIND_OPTIONS_BINDPORT, &port);
    ssh_bind_options_set(server, SSH_BIND_OPTIONS_IMPORT_KEY, key);
    if (ssh_bind_listen(server) != SSH_OK || ssh_bind_accept(server, session) != SSH_OK)
        return fprintf(stderr, "%s\n", ssh_get_error(server)), 1;
    return ssh_handle_key_exchange(session) != SSH_OK;
}
C
    cc -o server server.c -lssh || die "the program does not compile"
    says "the key is not imported" ./server "$PORT" "$URI"
    for label in rsa ec256; do
        ./server "$PORT" $label.key.pem >server.log 2>&1 </dev/null &
        SERVER_PID=$!
        if grep -q 'LIBSSH_VERSION_MINOR *10$' /usr/include/libssh/libssh_version.h; then
            libssh_refuses $label
        else
            # Another key, or a wrong signature, ends the client before it sends this.
            echo "[127.0.0.1]:$PORT $(ssh-keygen -i -m PKCS8 -f "$(public_of $label)")" >known
            until_true 20 exchanges_keys || { cat ssh.log server.log >&2; die "no key exchange"; }
            wait "$SERVER_PID" || true
        fi
    done
}
exchanges_keys() {
    ssh -F /dev/null -v -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$WORK/known" -o GlobalKnownHostsFile=/dev/null \
        -p "$PORT" 127.0.0.1 true >ssh.log 2>&1 || true
    grep -q 'SSH2_MSG_NEWKEYS sent' ssh.log
}
libssh_refuses() { # LABEL
    [ "$1" != rsa ] || until_true 20 greets || { cat server.log >&2; die "the server does not listen"; }
    if wait "$SERVER_PID"; then die "the server has taken the key: docs/programs.md is wrong"; fi
    grep -qE "Out of memory|the key is not imported" server.log || { cat server.log >&2; die "another message"; }
}
greets() { : <"/dev/tcp/127.0.0.1/$PORT"; }

# What curl does, any program with libcurl does: a client certificate, with the PIN as the key's password.
scenario_programs_libcurl() {
    local label
    programs_files cc
    [ -e "$(first_file '/usr/include/*/curl/curl.h')" ] || { echo "libcurl is not installed"; exit 77; }
    cat >client.c <<'C'
#include <curl/curl.h>
#include <stdio.h>
int main(int argc, char** argv) {
    char reason[CURL_ERROR_SIZE] = "";
    CURL* client = curl_easy_init();
    if (argc != 5 || client == NULL)
        return 2;
    curl_easy_setopt(client, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(client, CURLOPT_URL, argv[1]);
    curl_easy_setopt(client, CURLOPT_CAINFO, "ca.pem");
    curl_easy_setopt(client, CURLOPT_SSLCERT, argv[2]);
    curl_easy_setopt(client, CURLOPT_SSLKEY, argv[3]);
    curl_easy_setopt(client, CURLOPT_KEYPASSWD, argv[4]);
    CURLcode result = curl_easy_perform(client);
    fputs(reason, stderr);
    return (int)result;
}
C
    cc -o client client.c -lcurl || die "the program does not compile"
    start_verifying_server
    for label in rsa ec256; do
        without_pin succeeds ./client "https://localhost:$PORT/" $label.cert.pem $label.key.pem "$PIN"
        cp succeeds.log page
        shown_as $label TLSv1.3
    done
    without_pin says "unable to set private key file: '.*rsa.key.pem'" ./client "https://localhost:$PORT/" rsa.cert.pem rsa.key.pem "$WRONG_PIN"
    ended "$VERIFYING_PID" verifying.log
}
