# SPDX-License-Identifier: Apache-2.0
# Tokens of Debian 13, with its OpenSSL: those of tokens.sh once more, and those that are not to be had, or not to be
# wished for, on the machine itself: tpm2-pkcs11 registers itself with p11-kit, and tells every program when there is no TPM.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # token_core.sh and debian13.sh read what is set here

# inside13 SCENARIO: runs the scenario in the Debian 13 root, with that system's programs, and ends with its status
inside13() {
    [ -z "${INSIDE13:-}" ] || return 0
    debian13
    mkdir -p "$HOME13/tests" "$HOME13/docs"
    cp "$SOURCE/docs/tokens.md" "$HOME13/docs"
    cp -r "$SOURCE/tests/clients" "$HOME13/tests"
    cp -r "$TOKENS" "$HOME13/fixture"
    sed -i "s|$TOKENS|/srv/fixture|" "$HOME13/fixture/softhsm2.conf"
    cp "$SIGNING_THREADS" "$HOME13/signing_threads"
    PATIENCE13=550
    ENV13=(INSIDE13=1 PROVIDER=/mnt/pkcs11.so TOKENS=/srv/fixture SOURCE=/srv SIGNING_THREADS=/srv/signing_threads)
    works13 "/srv/tests/clients/run-scenario.sh $1"
    cat out13.txt
    exit 0
}

scenario_debian13_token_softhsm() {
    inside13 debian13_token_softhsm
    scenario_token_softhsm
}

scenario_debian13_token_nss_softokn() {
    inside13 debian13_token_nss_softokn
    scenario_token_nss_softokn
}

scenario_debian13_token_p11_kit_client() {
    inside13 debian13_token_p11_kit_client
    scenario_token_p11_kit_client
}

scenario_debian13_token_p11_kit_proxy() {
    inside13 debian13_token_p11_kit_proxy
    scenario_token_p11_kit_proxy
}

scenario_debian13_token_opencryptoki() {
    inside13 debian13_token_opencryptoki
    scenario_token_opencryptoki
}

# A TPM that many programs use at once, as /dev/tpmrm0 is: swtpm serves one connection at a time.
start_tpm() {
    local port
    port=$(free_port)
    mkdir tpm
    swtpm socket --tpm2 --tpmstate dir=tpm --flags not-need-init,startup-clear --server "type=tcp,port=$port,bindaddr=127.0.0.1" \
        --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1" >swtpm.log 2>&1 &
    until_true 30 listens $((port + 1)) || { cat swtpm.log >&2; die "swtpm does not start"; }
    cat >bus.conf <<CONF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$WORK/bus</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
CONF
    dbus-daemon --config-file=bus.conf --nofork >bus.log 2>&1 &
    until_true 30 test -S bus || { cat bus.log >&2; die "dbus-daemon does not start"; }
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/bus
    tpm2-abrmd --allow-root --session --flush-all --tcti="swtpm:host=127.0.0.1,port=$port" >abrmd.log 2>&1 &
    export TPM2TOOLS_TCTI=tabrmd:bus_type=session
    token_environment tpm2 "s|device:/dev/tpmrm0|$TPM2TOOLS_TCTI|; s|/var/lib/tpm2-pkcs11|$WORK/store|"
    until_true 30 tpm2_getcap properties-fixed || { cat swtpm.log abrmd.log >&2; die "the TPM does not answer"; }
}

tpm_tool() { tpm2_ptool "$@" >tool.log 2>&1 || { cat tool.log >&2; die "tpm2_ptool $1"; }; }

scenario_debian13_token_tpm2() {
    local label algorithm
    inside13 debian13_token_tpm2
    own_namespaces debian13_token_tpm2
    MODULE=$(token_module tpm2)
    TOKEN=pkcs11:token=tpm
    LABELS=(rsa ec256 ec384)
    CANNOT[derive]="C_DeriveKey answered CKR_MECHANISM_INVALID"
    # A TPM does one thing at a time.
    SIGNATURES=3
    start_tpm
    mkdir store
    tpm_tool init
    tpm_tool addtoken --pid=1 --label=tpm --sopin=sopin --userpin="$PIN"
    for label in "${LABELS[@]}"; do
        case $label in rsa) algorithm=rsa2048 ;; ec256) algorithm=ecc256 ;; *) algorithm=ecc384 ;; esac
        tpm_tool addkey --label=tpm --userpin="$PIN" --algorithm=$algorithm --key-label="$label"
    done
    core_scenarios
}

scenario_debian13_token_p11_kit_remote() {
    inside13 debian13_token_p11_kit_remote
    scenario_token_p11_kit_remote
}

# opencryptoki behind pkcs11-proxy, over TCP. SoftHSM would crash in its daemon, which closes sessions while others work.
scenario_debian13_token_pkcs11_proxy() {
    inside13 debian13_token_pkcs11_proxy
    own_namespaces debian13_token_pkcs11_proxy
    start_opencryptoki
    token_environment pkcs11-proxy "s|PORT|$(free_port)|"
    env OPENSSL_CONF="$TOKENS/plain.cnf" PKCS11_DAEMON_SOCKET="$PKCS11_PROXY_SOCKET" pkcs11-daemon "$MODULE" >proxy.log 2>&1 </dev/null &
    MODULE=$(token_module pkcs11-proxy)
    # With several threads its daemon loses a session at times.
    THREADS=1
    # As with opencryptoki itself.
    PROCESSES=1
    # Its protocol has no parameters for this.
    CANNOT[derive]="C_DeriveKey answered CKR_MECHANISM_INVALID"
    # Threads have connections of their own, and what one of them opened and another closed is closed again at the end.
    CHATTER="$CHATTER|^WARNING: finalizing the daemon returned an error: 179\$"
    until_true 30 pkcs11-tool --module "$MODULE" --list-slots || { cat proxy.log >&2; die "pkcs11-daemon does not answer"; }
    core_scenarios
}

# tpm2-pkcs11 is registered there, and there is no TPM: it says so, and SoftHSM's keys are found all the same.
scenario_debian13_token_beside_broken_module() {
    inside13 debian13_token_beside_broken_module
    [ -e /usr/share/p11-kit/modules/tpm2_pkcs11.module ] || die "tpm2-pkcs11 is not registered"
    unset PKCS11_PROVIDER_MODULE
    openssl dgst "${PROV[@]}" -sha256 -sign "$(uri rsa)" -out sig data.bin 2>stderr.txt || { cat stderr.txt >&2; die "no signature beside a module without its token"; }
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    fails "C_Initialize answered CKR_GENERAL_ERROR (module tpm2_pkcs11)" openssl dgst "${PROV[@]}" -sha256 -sign "pkcs11:token=tpm;object=rsa?pin-value=$PIN" -out sig data.bin
}
