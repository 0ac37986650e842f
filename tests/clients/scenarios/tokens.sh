# SPDX-License-Identifier: Apache-2.0
# Each token that Debian has without hardware, and each way to one: all of token_core.sh.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # token_core.sh and debian13.sh read what is set here

# The scenarios' own token, which the proxies below have behind them.
softhsm() {
    MODULE=$(cat "$TOKENS/module")
    TOKEN=pkcs11:token=scenarios
    LABELS=(rsa ec256 ec384 ed25519)
    # It writes into the token's file at a login; a process that starts at that moment does not find the token.
    PROCESSES=1
    core_public_keys
}

scenario_token_softhsm() {
    softhsm
    core_scenarios
}

# NSS softokn: init arguments, buffers of exactly the right size, PKCS#11 3.0, and a second slot without a login.
scenario_token_nss_softokn() {
    local label
    needs libnss3-tools certutil pk12util
    MODULE=$(token_module nss) ||
        { echo "libsoftokn3.so is not installed"; exit 77; }
    TOKEN=pkcs11:token=NSS%20Certificate%20DB
    DIGEST_TOKEN=pkcs11:token=NSS%20Generic%20Crypto%20Services
    LABELS=(rsa ec256 ec384)
    # Each C_SignInit decrypts the key anew, behind one lock: with fewer rounds than the usual 10000.
    export NSS_MIN_MP_PBE_ITERATION_COUNT=100 NSS_MAX_MP_PBE_ITERATION_COUNT=100
    echo "$PIN" >pin.txt
    mkdir db
    certutil -N -d sql:db -f pin.txt
    for label in "${LABELS[@]}"; do
        plain req -new -x509 -key "$TOKENS/$label.pem" -subj "/CN=$label" -days 30 -out nss.cert
        plain pkcs12 -export -inkey "$TOKENS/$label.pem" -in nss.cert -name "$label" -passout pass:x -out nss.p12
        pk12util -i nss.p12 -d sql:db -k pin.txt -W x >/dev/null
        cp "$(public_of "$label")" "$label.pub"
    done
    DIRECTIVES=$(token_block nss | sed "/^pkcs11-module-path/d; s|/etc/pki/nssdb|$WORK/db|")
    core_scenarios
}

# A key made on the token by OpenSC's tool: makes_key LABEL ID TYPE; offers MECHANISM: does the token list it?
makes_key() {
    timeout 60 pkcs11-tool --module "$MODULE" --token-label "${TOKEN#*=}" --login --pin "$PIN" --keypairgen --label "$1" --id "$2" \
        --key-type "$3" --usage-sign --usage-decrypt --usage-derive >tool.log 2>&1 </dev/null || { cat tool.log >&2; die "no key $1"; }
}
offers() { pkcs11-tool --module "$MODULE" --token-label "${TOKEN#*=}" --list-mechanisms 2>/dev/null | holds "^ *$1,"; }

# opencryptoki's soft token: a daemon, shared memory, and a PIN of 4 to 8 digits. In namespaces of one's own.
start_opencryptoki() {
    local slot folder
    MODULE=$(token_module opencryptoki)
    TOKEN=pkcs11:token=soft
    # Empty folders in place of the machine's own.
    for folder in /var/lib/opencryptoki /run/lock /dev/shm; do mount -t tmpfs tmpfs $folder; done
    # 3.23 has its sockets here, and asks whose the folder is.
    folder=/run/opencryptoki
    [ ! -d $folder ] || mount -t tmpfs -o "$(stat -c 'uid=%u,gid=%g,mode=%a' $folder)" tmpfs $folder
    mkdir -p /var/lib/opencryptoki/swtok/TOK_OBJ /run/lock/opencryptoki/swtok
    chgrp -R pkcs11 /var/lib/opencryptoki /run/lock/opencryptoki
    chmod -R 770 /var/lib/opencryptoki /run/lock/opencryptoki
    pkcsslotd || die "pkcsslotd does not start"
    slot=$(pkcsconf -t | sed -n '/IBM SoftTok/q; s/^Token #\([0-9]*\) Info:/\1/p' | tail -n 1)
    echo soft | pkcsconf -I -c "$slot" -S 87654321 >/dev/null
    pkcsconf -P -c "$slot" -S 87654321 -n 76543210 >/dev/null
    pkcsconf -u -c "$slot" -S 76543210 -n 4321 >/dev/null
    pkcsconf -p -c "$slot" -U 4321 -n "$PIN" >/dev/null
    LABELS=(rsa)
    makes_key rsa 01 rsa:2048
    # 3.8, of Debian 12, has no elliptic curves; 3.23, of Debian 13, has them.
    if offers ECDSA; then
        LABELS+=(ec256 ec384)
        makes_key ec256 02 EC:prime256v1
        makes_key ec384 03 EC:secp384r1
    fi
    core_public_keys
}

scenario_token_opencryptoki() {
    needs opencryptoki pkcsslotd pkcsconf
    own_namespaces token_opencryptoki
    start_opencryptoki
    # As with SoftHSM: for a moment NVTOK.DAT is empty.
    PROCESSES=1
    core_scenarios
}

# registered_alone NAME LINES: p11-kit knows this module and no other. In namespaces of one's own.
registered_alone() {
    mount -t tmpfs tmpfs /usr/share/p11-kit/modules
    echo "$2" >"/usr/share/p11-kit/modules/$1.module"
}

# p11-kit's protocol transports parameters of mechanisms that it knows.
p11_kit_cannot() {
    CANNOT[ed25519]="C_SignInit answered CKR_MECHANISM_INVALID"
    # 0.24, of Debian 12, does not know this one, either.
    p11-kit --help 2>&1 | holds list-objects || CANNOT[derive]="C_DeriveKey answered CKR_MECHANISM_INVALID"
}

# SoftHSM behind p11-kit's server, on a socket of its own.
scenario_token_p11_kit_client() {
    softhsm
    token_server
    MODULE=$PKCS11_PROVIDER_MODULE
    p11_kit_cannot
    core_scenarios
    kill_token_server
}

# SoftHSM behind a command, as another machine's token is behind ssh, and nothing but this registered.
scenario_token_p11_kit_remote() {
    own_namespaces token_p11_kit_remote
    softhsm
    registered_alone far "$(token_block p11-kit-remote | sed "s#ssh signer@hsm-host#env OPENSSL_CONF=$TOKENS/plain.cnf SOFTHSM2_CONF=$SOFTHSM2_CONF#; s#/usr/lib/softhsm/libsofthsm2.so#$MODULE#")"
    unset SOFTHSM2_CONF
    MODULE=""
    p11_kit_cannot
    core_scenarios
}

# Registered modules behind one, p11-kit-proxy.so.
scenario_token_p11_kit_proxy() {
    own_namespaces token_p11_kit_proxy
    softhsm
    registered_alone softhsm2 "module: $MODULE"
    MODULE=$(first_file '/usr/lib/*/p11-kit-proxy.so' '/usr/lib64/p11-kit-proxy.so')
    core_scenarios
}

# SoftHSM behind caml-crush, over TCP. It reads the name of the module behind it from the environment.
scenario_token_caml_crush() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "the module's libtirpc crashes with the sanitizer's runtime"; exit 77; }
    local port
    port=$(free_port)
    needs caml-crush-server pkcs11proxyd
    own_namespaces token_caml_crush
    softhsm
    printf 'debug = 0\nlog_subchannel = filter\nmodules = [("softhsm", "%s")]\n' "$MODULE" >filter.conf
    cat >proxy.conf <<CONF
netplex {
  controller { max_level = "warning"; socket_directory = "$WORK/netplex"; logging { type = "stderr"; }; };
  service {
    name = "proxy";
    conn_limit = 1;
    protocol { name = "rpc_pkcs11"; address { type = "internet"; bind = "127.0.0.1:$port"; }; };
    processor { type = "rpc_pkcs11"; libnames = "softhsm:$MODULE"; filter_config = "$WORK/filter.conf"; use_ssl = false; };
    workload_manager { type = "dynamic"; max_jobs_per_thread = 1; min_free_jobs_capacity = 1; max_free_jobs_capacity = 1; max_threads = 100; };
  };
}
CONF
    env OPENSSL_CONF="$TOKENS/plain.cnf" pkcs11proxyd -conf proxy.conf -fg >proxy.log 2>&1 </dev/null &
    until_true 30 listens "$port" || { cat proxy.log >&2; die "pkcs11proxyd does not start"; }
    CANNOT[derive]="C_DeriveKey answered" # its protocol has no parameters for that; it ends the connection
    token_environment caml-crush "s|127.0.0.1:4444|127.0.0.1:$port|"
    MODULE=$(token_module caml-crush)
    core_scenarios
}

# NSS has X25519 keys as EC keys, under an OID of its own, and their points without wrapping.
scenario_token_nss_softokn_x25519() {
    local key="pkcs11:token=NSS%20Certificate%20DB;type=private"
    needs libnss3-tools certutil
    MODULE=$(token_module nss) ||
        { echo "libsoftokn3.so is not installed"; exit 77; }
    unset PKCS11_PROVIDER_MODULE
    (umask 077 && echo "nss-$PIN" >pin.txt)
    mkdir db
    certutil -N -d sql:db -f pin.txt
    configuration "pkcs11-module-path = $MODULE
pkcs11-module-init-args = configDir='sql:$WORK/db' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
pkcs11-module-token-pin = file:$WORK/pin.txt"
    certutil -G -d sql:db -k ec -q curve25519 -f pin.txt -z data.bin >certutil.log 2>&1 || die "certutil: $(cat certutil.log)"
    plain genpkey -algorithm X25519 -out peer.pem
    plain pkey -in peer.pem -pubout -out peer.pub.pem
    clean openssl pkey -in "$key" -pubout -out own.pub.pem
    clean openssl pkeyutl -derive -inkey "$key" -peerkey peer.pub.pem -out secret
    plain pkeyutl -derive -inkey peer.pem -peerkey own.pub.pem -out expected
    cmp -s secret expected || die "another secret"
}
