# SPDX-License-Identifier: Apache-2.0
# Servers of docs/programs.md. OpenSSL's client, or the program's own, has no provider.
# shellcheck shell=bash

# belongs_to USER: the folder, the token and the PIN are that user's. AS runs a command as the user, who is in the group softhsm.
belongs_to() {
    id "$1" >/dev/null 2>&1 || { echo "there is no user $1"; exit 77; }
    chown -R "$1" "$WORK"
    AS=(setpriv "--reuid=$1" --regid=softhsm --clear-groups)
}

# serves_one_after_the_other FILE COMMAND...: the COMMAND serves with the RSA key that its configuration FILE names, and with ec256 in its place
serves_one_after_the_other() {
    local file=$1
    shift
    start_program "$@"
    serves_rsa
    stop_program
    cp "$file" "$file.rsa"
    sed -i 's/\brsa\b/ec256/g' "$file"
    start_program "$@"
    serves_ec
    stop_program
    mv "$file.rsa" "$file"
}

scenario_programs_lighttpd() {
    programs_files lighttpd
    # From 1.4.77 on, it refuses TLS 1.2 by default.
    { documented lighttpd | sed "s|/var/www|$HERE|" && echo 'ssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv1.2")'; } >lighttpd.conf
    serves_one_after_the_other lighttpd.conf lighttpd -D -f lighttpd.conf
    wrongly says "couldn't read private key from .*rsa.key.pem" lighttpd -D -f lighttpd.conf
    sed "s|^ssl.privkey.*|ssl.privkey = \"$URI\"|" lighttpd.conf >uri.conf
    if printf '1.4.85\n%s\n' "$(lighttpd -v | grep -oE '[0-9.]+' | head -n 1)" | sort -VC; then
        start_program lighttpd -D -f uri.conf
        serves_rsa
        stop_program
    else
        says "pkcs11:.*: No such file or directory" lighttpd -D -f uri.conf
    fi
}

# It reads the PIN after it has become the user mosquitto.
scenario_programs_mosquitto() {
    programs_files mosquitto
    documented mosquitto >mosquitto.conf
    says "Unable to load server key file" mosquitto -c mosquitto.conf
    belongs_to mosquitto
    serves_one_after_the_other mosquitto.conf "${AS[@]}" mosquitto -c "$HERE/mosquitto.conf"
    wrongly says "Unable to load server key file.*rsa.key.pem" "${AS[@]}" mosquitto -c "$HERE/mosquitto.conf"
}

scenario_programs_redis() {
    programs_files redis-server
    documented redis >redis.conf
    start_program redis-server redis.conf --dir "$WORK" --save ""
    serves_rsa
    [ "$(with_software redis-cli --tls --cacert ca.pem -h localhost -p "$PORT" ping)" = PONG ] || die "no answer"
    stop_program
    sed 's/\brsa\b/ec256/g' redis.conf >ec.conf
    start_program redis-server ec.conf --dir "$WORK" --save ""
    serves_ec
    stop_program
    without_pin start_program redis-server redis.conf --dir "$WORK" --save "" --tls-key-file-pass "$PIN"
    serves_rsa
    stop_program
    wrongly says "Failed to load private key: .*pkcs11::the PIN was refused" redis-server redis.conf --dir "$WORK"
}

postgresql_programs() {
    local folder
    programs_files psql
    for folder in /usr/lib/postgresql/*/bin; do POSTGRESQL=$folder; done
    [ -x "$POSTGRESQL/postgres" ] || { echo "PostgreSQL is not installed"; exit 77; }
    belongs_to postgres
    "${AS[@]}" "$POSTGRESQL/initdb" -D "$WORK/db" --no-sync --auth=trust >initdb.txt 2>&1 || { cat initdb.txt >&2; die "initdb"; }
    { documented postgresql && printf "ssl_ca_file = '%s'\nlisten_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = ''\n" "$CA" "$PORT"; } >>db/postgresql.conf
    echo 'hostssl all all 127.0.0.1/32 cert' >db/pg_hba.conf
}

# Nobody but the server's user reads the PIN, and the reference has mode 0600.
scenario_programs_postgresql() {
    postgresql_programs
    STARTTLS=postgres start_program "${AS[@]}" "$POSTGRESQL/postgres" -D "$WORK/db"
    STARTTLS=postgres serves_rsa
    # The client's key is on the token, too.
    issue ec256 postgres
    chmod 600 ec256.key.pem
    chown root ec256.key.pem
    documented psql >psql.command
    # shellcheck source=/dev/null
    [ "$(. ./psql.command)" = 42 ] || die "no row"
    [ "$(without_pin . <(sed "s/ user=/ sslpassword=$PIN user=/" psql.command))" = 42 ] || die "sslpassword is not the PIN"
    without_pin says "could not load private key file .*: the PIN was refused" bash -c "$(sed "s/ user=/ sslpassword=$WRONG_PIN user=/" psql.command)"
    stop_postgres
    STARTTLS=postgres without_pin start_program "${AS[@]}" "$POSTGRESQL/postgres" -D "$WORK/db" -c "ssl_passphrase_command=cat $HERE/pin"
    STARTTLS=postgres serves_rsa
    stop_postgres
    wrongly says "could not load private key file .*: the PIN was refused" "${AS[@]}" "$POSTGRESQL/postgres" -D "$WORK/db"
    says "could not access private key file \"pkcs11:.*No such file or directory" "${AS[@]}" "$POSTGRESQL/postgres" -D "$WORK/db" -c "ssl_key_file=$URI"
    chmod 644 rsa.key.pem
    says "private key file .* has group or world access" "${AS[@]}" "$POSTGRESQL/postgres" -D "$WORK/db"
}
# At once: SIGTERM would wait for clients.
stop_postgres() {
    kill -INT "$SERVER_PID"
    wait "$SERVER_PID" || { cat server.log >&2; die "PostgreSQL ends with $?"; }
    without_report server.log || die "a report in the server's log"
}
scenario_programs_mariadb() {
    programs_files mariadbd
    mkdir db
    mariadb-install-db --no-defaults --user=root --datadir="$WORK/db" --auth-root-authentication-method=normal --skip-test-db >install.txt 2>&1 || { cat install.txt >&2; die "mariadb-install-db"; }
    { documented mariadb && printf 'user = root\ndatadir = %s/db\nsocket = %s/socket\nbind-address = 127.0.0.1\nport = %s\npid-file = %s/pid-file\n' "$WORK" "$WORK" "$PORT" "$WORK"; } >my.cnf
    STARTTLS=mysql start_program mariadbd --defaults-file="$WORK/my.cnf"
    STARTTLS=mysql serves_rsa
    with_software mariadb --no-defaults -h localhost --protocol=tcp -P "$PORT" -u root --ssl-ca=ca.pem --ssl-verify-server-cert -Ne "show status like 'Ssl_cipher'" |
        holds TLS_AES || die "not over TLS"
    stop_program
    wrongly says "Unable to get private key from '.*rsa.key.pem'" mariadbd --defaults-file="$WORK/my.cnf"
}

# Version 2.4 has other names.
is_dovecot_24() { [[ $(dovecot --version) == 2.4.* ]]; }
dovecot_configuration() {
    if is_dovecot_24; then
        printf 'dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n'
        documented dovecot-2.4
        printf 'passdb static {\n  password = x\n}\nuserdb static {\n}\n'
    else
        documented dovecot
        printf 'passdb {\n  driver = static\n  args = password=x\n}\nuserdb {\n  driver = static\n  args = uid=nobody gid=nogroup home=/tmp\n}\n'
    fi
    cat <<CONF
base_dir = $HERE/run
state_dir = $HERE/run
log_path = $HERE/dovecot.log
$(is_dovecot_24 && printf 'protocols {\n  imap = yes\n}' || echo 'protocols = imap')
listen = 127.0.0.1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $PORT
    ssl = yes
  }
}
CONF
}
# says_when_asked WORDS LOG COMMAND...: it says that when the first client comes
says_when_asked() {
    local words=$1 log=$2
    shift 2
    "$@" >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    until_true 20 says_so "$words" "$log" || { cat "$log" server.log >&2; die "does not say $words"; }
    ended "$SERVER_PID" server.log
    rm "$log"
}
says_so() { shakes_hands >client.log 2>&1 || true; grep -qE "$1" "$2"; }

# The processes that read the PIN are the login user's.
scenario_programs_dovecot() {
    programs_files dovecot
    local password=ssl_key_password
    if is_dovecot_24; then password=ssl_server_key_password; fi
    mkdir run
    chmod 755 run
    dovecot_configuration >dovecot.conf
    says_when_asked "cannot open the PIN file .*: Permission denied" dovecot.log dovecot -F -c "$WORK/dovecot.conf"
    chown nobody pin wrong-pin
    start_program dovecot -F -c "$WORK/dovecot.conf"
    serves_rsa
    ended "$SERVER_PID" server.log dovecot.log
    rm dovecot.log
    wrongly says_when_asked "the PIN was refused" dovecot.log dovecot -F -c "$WORK/dovecot.conf"
    # A chroot has no module.
    sed '/^  chroot =/d' dovecot.conf >chroot.conf
    says_when_asked "cannot load the PKCS#11 module" dovecot.log dovecot -F -c "$WORK/chroot.conf"
    # Its own pass phrase is the PIN, which needs no file then.
    chown root pin
    { cat dovecot.conf && echo "$password = $PIN"; } >password.conf
    without_pin start_program dovecot -F -c "$WORK/password.conf"
    serves_rsa
    ended "$SERVER_PID" server.log
}

postfix_files() {
    mkdir -p queue data
    chown postfix data
    { documented postfix && cat <<CONF; } >main.cf
queue_directory = $HERE/queue
data_directory = $HERE/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
compatibility_level = 3.6
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
maillog_file = /dev/stdout
local_recipient_maps =
CONF
    cat >master.cf <<CONF
127.0.0.1:$PORT inet n - n - - smtpd
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
CONF
    export MAIL_CONFIG=$WORK
}
stop_postfix() {
    postfix stop >stop.txt 2>&1 || { cat stop.txt server.log >&2; die "postfix stop"; }
    # It ends its whole group.
    wait "$SERVER_PID" || [ $? = 143 ] || { cat server.log >&2; die "postfix ends with another status"; }
    without_report server.log || die "a report in the server's log"
}
# postfix_says WORDS: it says that when the first client comes
postfix_says() {
    postfix start-fg >server.log 2>&1 </dev/null &
    SERVER_PID=$!
    until_true 30 says_so "$1" server.log || { cat server.log >&2; die "does not say $1"; }
    stop_postfix
}
# Root reads the PIN, and then smtpd has the group of postfix alone.
scenario_programs_postfix() {
    programs_files postfix
    postfix_files
    # The group softhsm is not smtpd's.
    STARTTLS=smtp postfix_says "pkcs11::not found:.*no longer exists"
    chgrp -R postfix tokens
    export STARTTLS=smtp
    start_program postfix start-fg
    serves_rsa
    stop_postfix
    cp main.cf good.cf
    sed -i "/^smtpd_tls_cert_file/d; s|^smtpd_tls_key_file.*|smtpd_tls_chain_files = $HERE/rsa.key.pem, $HERE/rsa.cert.pem|" main.cf
    # That setting reads the PEM blocks itself.
    postfix_says "key not first"
    cp good.cf main.cf
    wrongly postfix_says "the PIN was refused"
}

# Root reads the PIN, and the workers see the token.
scenario_programs_unbound() {
    programs_files unbound
    { documented unbound && printf '  directory: "%s"\n  username: nobody\n  pidfile: ""\n  use-syslog: no\n  logfile: ""\n  module-config: iterator\nremote-control:\n  control-enable: no\n' "$HERE"; } >unbound.conf
    # The group softhsm is not unbound's.
    says_when_asked "ssl handshake failed crypto error:.*pkcs11::not found" server.log unbound -d -c unbound.conf
    chgrp -R "$(id -gn nobody)" tokens
    serves_one_after_the_other unbound.conf unbound -d -c unbound.conf
    wrongly says "use_PrivateKey_file .*pkcs11::the PIN was refused" unbound -d -c unbound.conf
    # The folder of tokens has another name in a chroot.
    sed -i "s|chroot: .*|chroot: \"$HERE\"|" unbound.conf
    says_when_asked "ssl handshake failed crypto error:.*pkcs11" server.log unbound -d -c unbound.conf
}
