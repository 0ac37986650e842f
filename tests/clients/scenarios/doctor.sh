# SPDX-License-Identifier: Apache-2.0
# pkcs11-doctor, with each fault of docs/troubleshooting.md made for real.
# shellcheck shell=bash

doctor_built() { [ -n "${DOCTOR:-}" ] || { echo "pkcs11-doctor is not built"; exit 77; }; }

# doctor STATUS ARGUMENTS...: it ends with that status; its findings are in found.txt, one a line: "section state what -> advice"
doctor() {
    local wanted=$1 status=0
    shift
    timeout "$PATIENCE" "${AS[@]}" "${RUNNER[@]}" "$DOCTOR" --json "$@" >found.json 2>stderr.txt </dev/null || status=$?
    [ "$status" = "$wanted" ] || { cat found.json stderr.txt >&2; die "status $status, not $wanted: doctor $*"; }
    [ ! -s stderr.txt ] || { cat stderr.txt >&2; die "said something on standard error: doctor $*"; }
    python3 - >found.txt <<'PYTHON' || die "no JSON: doctor $*"
import json
found = json.load(open("found.json"))
states = ["ok", "warning", "failure"]
worst = 0
for section in found["sections"]:
    for one in section["findings"]:
        worst = max(worst, states.index(one["state"]))
        print(section["name"], one["state"], one["what"], "->", one.get("advice", ""))
assert states[worst] == found["state"]
PYTHON
    lacks -E "(^|[^0-9A-Za-z])($PIN|$WRONG_PIN)([^0-9A-Za-z]|\$)" <found.json || die "tells the PIN: doctor $*"
}

# finds PATTERN...: each is in a line; does_not_find PATTERN
finds() {
    local pattern
    for pattern in "$@"; do
        holds -E -- "$pattern" <found.txt || { cat found.txt >&2; die "does not find: $pattern"; }
    done
}
does_not_find() { lacks -E -- "$1" <found.txt || { cat found.txt >&2; die "finds: $1"; }; }

HERE=(--provider-path "$PROVIDER_DIR")

# Nothing is wrong, and nobody logs in.
scenario_doctor_well() {
    doctor_built
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE
pkcs11-module-login-behavior = auto"
    unset PKCS11_PROVIDER_MODULE
    doctor 0 "${HERE[@]}"
    finds "^openssl ok OpenSSL $(openssl version | cut -d ' ' -f 2) .*libcrypto" "^provider ok $PROVIDER, version [0-9.]+ ->" \
        "^configuration ok configuration file $WORK/my.cnf \(named by OPENSSL_CONF\)" \
        "^configuration ok active providers, in this order: default, pkcs11" \
        "^configuration ok pkcs11-module-path = .*libsofthsm2.so \(section pkcs11_section\)" \
        "^configuration ok pkcs11-module-login-behavior = auto" \
        "^modules ok libsofthsm2 .*named by the directive pkcs11-module-path: SoftHSM 2" \
        "^modules ok libsofthsm2 reads $WORK/softhsm2.conf" \
        '^tokens ok "scenarios" +serial [0-9a-f]+ +model SoftHSM v2 .*login required'
    # The same for people, without colours in a file.
    "$DOCTOR" "${HERE[@]}" >text.txt
    tail -n 1 text.txt | holds -x "All is well." || die "the last line: $(tail -n 1 text.txt)"
    lacks -F $'\x1b' <text.txt || die "colours in a file"
    if has_terminals; then
        TERM=xterm script -qec "'$DOCTOR' '${HERE[0]}' '$PROVIDER_DIR'" /dev/null </dev/null >terminal.txt
        holds -F $'\x1b[32m' <terminal.txt || die "no colours on a terminal"
        TERM=xterm NO_COLOR=1 script -qec "'$DOCTOR' '${HERE[0]}' '$PROVIDER_DIR'" /dev/null </dev/null >terminal.txt
        lacks -F $'\x1b' <terminal.txt || die "NO_COLOR is not obeyed"
    fi
}

scenario_doctor_provider_file() {
    doctor_built
    mkdir folder
    doctor 2 --provider-path "$WORK/folder"
    finds "^provider failure there is no provider file $WORK/folder/pkcs11.so -> install it"
    OPENSSL_MODULES=$WORK/folder doctor 2
    finds "^provider failure there is no provider file $WORK/folder/pkcs11.so"
    echo no library >folder/pkcs11.so
    doctor 2 --provider-path "$WORK/folder"
    finds "^provider failure $WORK/folder/pkcs11.so cannot be loaded: .*-> read the reason"
    # The rest is looked at all the same.
    finds "^tokens ok \"scenarios\""
    # The configuration names a file that is not there.
    configuration "" && sed -i "s|^module = .*|module = $WORK/gone.so|" my.cnf
    doctor 2
    finds "^provider failure there is no provider file $WORK/gone.so" \
        "^configuration failure the section pkcs11_section activates pkcs11, but OpenSSL could not load it"
}

scenario_doctor_activation() {
    doctor_built
    export OPENSSL_MODULES=$PROVIDER_DIR
    doctor 1
    finds "^configuration warning the configuration file does not activate pkcs11: .*openssl_conf.*-> add the lines of openssl.cnf.sample"
    doctor 0 "${HERE[@]}"
    finds "^configuration ok the configuration file does not activate pkcs11 -> give programs -provider-path"
    # default is missing: nothing else works then.
    printf 'openssl_conf = init\n[init]\nproviders = list\n[list]\npkcs11 = own\n[own]\nmodule = %s\nactivate = 1\n' "$PROVIDER" >my.cnf
    OPENSSL_CONF=$WORK/my.cnf doctor 2
    finds "^configuration failure the provider default is not active.*-> add"
    OPENSSL_CONF=$WORK/nowhere.cnf doctor 1 "${HERE[@]}"
    finds "^configuration warning configuration file $WORK/nowhere.cnf .* does not exist"
    printf '[broken\n' >my.cnf
    OPENSSL_CONF=$WORK/my.cnf doctor 2 "${HERE[@]}"
    finds "^configuration failure configuration file $WORK/my.cnf .* cannot be used: line 1"
}

scenario_doctor_directives() {
    doctor_built
    configuration "pkcs11_module_path = $PKCS11_PROVIDER_MODULE
something-else = 1
pkcs11-module-token-pin = $PIN"
    doctor 2
    finds "^configuration failure unknown directive pkcs11_module_path -> did you mean pkcs11-module-path\?" \
        "^configuration warning unknown directive something-else is ignored" \
        "^configuration ok pkcs11-module-token-pin = \(a PIN\) \(section pkcs11_section\)" \
        "^configuration ok PKCS11_PROVIDER_MODULE = .* \(environment\)" \
        "^modules failure unknown directive pkcs11_module_path"
    configuration "pkcs11-module-login-behavior = sometimes"
    doctor 2
    finds "^configuration failure pkcs11-module-login-behavior = sometimes .*does not accept the value \"sometimes\""
    # In a section that is not activated, and under another name.
    printf 'openssl_conf = init\n[init]\nproviders = list\n[list]\nhsm = own\n[own]\nmodule = %s\npkcs11-module-pth = x\n' "$PROVIDER" >my.cnf
    doctor 2
    finds "^configuration warning the section own does not activate pkcs11" \
        "^configuration failure unknown directive pkcs11-module-pth -> did you mean pkcs11-module-path\?"
}

scenario_doctor_audit_log() {
    doctor_built
    configuration "pkcs11-audit-log = file:$WORK/audit"
    doctor 0
    finds "^configuration ok pkcs11-audit-log = file:$WORK/audit \(section" \
        "^configuration ok the audit log can be written to the file $WORK/audit"
    configuration "pkcs11-audit-log = file:/nosuch/audit"
    doctor 1
    finds "^configuration warning the audit log cannot be written to the file /nosuch/audit: No such file or directory, so keys are used without it -> correct"
    configuration "pkcs11-audit-log = file:/nosuch/audit
pkcs11-audit-log-failure = refuse"
    doctor 2
    finds "^configuration failure the audit log cannot be written .*, so no key can be used"
}

scenario_doctor_modules() {
    doctor_built
    PKCS11_PROVIDER_MODULE=$WORK/nowhere.so doctor 2 "${HERE[@]}"
    finds "^modules failure .*$WORK/nowhere.so.*named by the variable PKCS11_PROVIDER_MODULE\) -> correct the path" \
        "^tokens failure tokens present: none"
    # Each that is registered, with the file that names it.
    p11-kit list-modules 2>/dev/null | holds softhsm || return 0
    env -u PKCS11_PROVIDER_MODULE "$DOCTOR" "${HERE[@]}" >text.txt || [ $? = 1 ]
    holds -E "softhsm2 .*registered in /.*/softhsm2.module: SoftHSM" <text.txt || die "registered modules: $(cat text.txt)"
}

# What SoftHSM reads itself, by a user who may not. The provider says the same.
scenario_doctor_softhsm_files() {
    doctor_built
    [ "$(id -u)" = 0 ] || { echo "needs root's rights"; exit 77; }
    # p11-kit reads no configuration of a user whose home is another's.
    export HOME=$WORK
    chmod 755 "$WORK"
    setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$PROVIDER" || { echo "other users can't read the provider"; exit 77; }
    AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    local who sign
    who=$(getent passwd 65534 | cut -d : -f 1)
    sign=("${AS[@]}" openssl dgst "${PROV[@]}" -sha256 -sign "$(uri rsa)" -out /dev/null data.bin)
    chmod 640 softhsm2.conf
    chmod -R a+rwX tokens data.bin
    says_both "configuration $WORK/softhsm2.conf cannot be read by user $who"
    finds "^modules failure .*C_Initialize answered CKR_GENERAL_ERROR" "^modules failure .*-> add the user to the group" \
        "^tokens failure tokens present: none"
    chmod 644 softhsm2.conf
    chmod 700 tokens
    says_both "token folder $WORK/tokens \(directories.tokendir in $WORK/softhsm2.conf\) cannot be read and written by user $who"
    # Tokens that SoftHSM passes over in silence.
    chmod 777 tokens
    chmod 700 tokens/*
    says_both "the token in $WORK/tokens/[0-9a-f-]+ cannot be read by user $who"
    echo "directories.tokendir = $WORK/nowhere" >softhsm2.conf
    says_both "token folder $WORK/nowhere .* does not exist"
    export SOFTHSM2_CONF=$WORK/nothing.conf
    says_both "configuration $WORK/nothing.conf does not exist"
}
# says_both PATTERN: the doctor, and the provider in openssl; `sign` is the caller's
says_both() {
    doctor 2 "${HERE[@]}"
    finds "^modules (failure|warning) .*$1"
    refuses "${sign[@]}" 2>stderr.txt
    holds -E "no token fits .*; tokens present: none.*$1" <stderr.txt || { cat stderr.txt >&2; die "the provider does not say: $1"; }
}

scenario_doctor_uri() {
    doctor_built
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarois;object=rsa"
    finds '^uri failure token=scenarois fits no token; tokens present: .*"scenarios".* -> did you mean token=scenarios\?'
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarios;manufacturer=Nobody"
    finds '^uri ok token=scenarios fits 1 of 3 tokens: "scenarios"' '^uri failure manufacturer=Nobody fits no token'
    local serial
    serial=$(python3 -c 'import json; print(next(one["data"]["serial"] for s in json.load(open("found.json"))["sections"] if s["name"] == "tokens" for one in s["findings"] if one["data"]["label"] == "empty"))')
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarios;serial=$serial"
    finds '^uri ok token=scenarios fits 1 of 3' "^uri ok serial=$serial fits 1 of 3" '^uri failure each part fits a token, but no token fits all'
    doctor 1 "${HERE[@]}" "pkcs11:model=SoftHSM%20v2"
    finds '^uri warning several tokens fit: .*-> add token='
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarios?module-name=other"
    finds '^uri failure module-name=other fits no token'
    doctor 0 "${HERE[@]}" "pkcs11:token=scenarios?module-name=softhsm2"
    # What cannot be read is told before anything is looked at, without a PIN.
    fails "the URI cannot be used" "$DOCTOR" "pkcs11:tokn=x?pin-value=$PIN"
    # Objects: what is hidden is no failure.
    doctor 1 "${HERE[@]}" "pkcs11:token=scenarios;object=rsb"
    finds '^login ok no login: none was asked for' '^objects ok .*without a login: .*public' '^objects warning object=rsb fits 0 .*-> did you mean object=rsa\?'
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarios;object=rsb?pin-value=$PIN"
    finds '^objects failure object=rsb fits 0 of [0-9]+ objects' '^key failure .*no private key fits'
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarios;object=rsa;id=%03;type=private?pin-value=$PIN"
    finds '^objects ok object=rsa fits 3' '^objects ok id=03 fits 2' '^objects failure each part fits an object, but no object fits all'
}

scenario_doctor_pins() {
    doctor_built
    local key="pkcs11:token=scenarios;object=rsa;type=private"
    doctor 2 "${HERE[@]}" "$key?pin-source=file:$WORK/nowhere"
    finds "^pin failure cannot open the PIN file $WORK/nowhere.*pin-source names it -> check the path"
    does_not_find '^login ok logged in'
    echo "$PIN" >pin.txt && chmod 644 pin.txt
    doctor 2 "${HERE[@]}" "$key?pin-source=$WORK/pin.txt"
    finds "^pin failure .*pin.txt can be read by everybody.*mode 0644.*-> chmod o-r"
    chmod 600 pin.txt
    doctor 0 "${HERE[@]}" "$key?pin-source=file:$WORK/pin.txt"
    finds "^pin ok the PIN is in the file $WORK/pin.txt \(owner [a-z]+, mode 0600\), which pin-source names" '^login ok logged in'
    doctor 2 "${HERE[@]}" "$key?pin-source=%7Ccat%20pin"
    finds "^pin failure pin-source names a command"
    # A PIN from elsewhere is used only if a login is asked for.
    PKCS11_PIN=$PIN doctor 0 "${HERE[@]}" "$key"
    finds '^pin ok the PIN comes from' '^login ok no login: none was asked for'
    PKCS11_PIN=$PIN doctor 0 "${HERE[@]}" --login "$key"
    finds '^login ok logged in' '^key ok private key "rsa", id 01: RSA 2048'
    configuration "pkcs11-module-token-pin = file:$WORK/pin.txt"
    doctor 0 --login "$key"
    finds "^pin ok .*which the configuration names" '^login ok logged in'
    doctor 2 --sign "pkcs11:token=scenarios;object=rsa"
    finds 'failure no signature was made: there was no login -> add --login'
}

# A wrong PIN is tried once, and only where that cannot lock the token unless the user insists.
scenario_doctor_wrong_pin() {
    doctor_built
    spy
    doctor 2 "${HERE[@]}" --sign --time 5 "pkcs11:token=retry?pin-value=$WRONG_PIN"
    finds '^login failure .*CKR_PIN_INCORRECT.*-> correct the PIN'
    [ "$(spied C_Login)" = 1 ] || die "$(spied C_Login) calls of C_Login"
    does_not_find '^(key|signature|timing) '
    doctor 1 "${HERE[@]}" "pkcs11:token=retry"
    finds '^tokens warning "retry".*PIN: a wrong one was tried.*-> make sure of the PIN'
    [ "$(spied C_Login)" = 0 ] || [ "$(spied C_Login)" = 1 ] || die "somebody logged in without being asked"
}

# The roots of other releases have none.
has_terminals() { script -qec true /dev/null </dev/null >/dev/null 2>&1; }

# What other tokens say than SoftHSM does.
scenario_doctor_other_tokens() {
    doctor_built
    [ -e "$TEST_MODULE" ] || { echo "the test module is not built"; exit 77; }
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE PKCS11_TEST_LOG=$WORK/log
    local uri="pkcs11:token=scenarios;object=rsa;type=private?pin-value=$PIN"
    # CKF_USER_PIN_FINAL_TRY: a PIN in a URI is not worth the risk.
    PKCS11_TEST_TOKEN_FLAGS=0x20000 doctor 2 "${HERE[@]}" "$uri"
    finds '^tokens warning "scenarios".*PIN: one try left' '^login failure no login: one more wrong PIN locks the token'
    lacks C_Login <log || die "the last try was used"
    PKCS11_TEST_TOKEN_FLAGS=0x20000 doctor 1 "${HERE[@]}" --login "$uri"
    finds '^login ok logged in'
    rm log
    PKCS11_TEST_TOKEN_FLAGS=0x40000 doctor 2 "${HERE[@]}" --login "$uri"
    finds '^tokens failure "scenarios".*PIN: locked .*-> the security officer' '^login failure no login: the PIN is locked'
    lacks C_Login <log || die "a locked PIN was tried"
    PKCS11_TEST_NO_OS_LOCKING=1 doctor 0 "${HERE[@]}" --sign "$uri"
    finds '^modules ok .*one call at a time'
    PKCS11_TEST_FAULTS=C_Initialize:1+=CKR_GENERAL_ERROR doctor 2 "${HERE[@]}" "$uri"
    finds '^modules failure .*C_Initialize answered CKR_GENERAL_ERROR' '^tokens failure tokens present: none'
    PKCS11_TEST_FAULTS=C_GetTokenInfo:1+=CKR_DEVICE_ERROR doctor 2 "${HERE[@]}" "$uri"
    finds '^tokens warning .*slot [0-9]+.*C_GetTokenInfo answered CKR_DEVICE_ERROR|^tokens warning .*C_GetTokenInfo answered CKR_DEVICE_ERROR .slot'
    PKCS11_TEST_FAULTS=C_Sign:1+=CKR_DEVICE_ERROR doctor 2 "${HERE[@]}" --sign "$uri"
    finds '^signature failure the key does not sign with SHA256: .*CKR_DEVICE_ERROR'
    PKCS11_TEST_HIDE_CLASSES=0x3 doctor 2 "${HERE[@]}" "pkcs11:token=scenarios;object=rsb?pin-value=$PIN"
    finds '^objects ok .*after the login: 2 cert, 1[0-9] public ->' '^key failure no private key fits'
}

scenario_doctor_keys() {
    doctor_built
    local key="pkcs11:token=scenarios"
    doctor 0 "${HERE[@]}" --sign "$key;object=rsa;type=private?pin-value=$PIN"
    finds '^key ok usage: sign, decrypt.*no limit' '^key ok the public half comes from the public key beside it' \
        '^key ok certificate CN = localhost, until 20' '^signature ok a signature with SHA256 of 256 bytes was made, and verified in software'
    doctor 0 "${HERE[@]}" --sign "$key;object=withcert?pin-value=$PIN"
    finds '^key ok private key "withcert", id 0e: EC P-256' '^key ok the public half comes from the certificate' '^signature ok'
    doctor 0 "${HERE[@]}" --sign "$key;object=bare-rsa?pin-value=$PIN"
    finds "^key ok the public half comes from the private key's own attributes" '^signature ok'
    doctor 1 "${HERE[@]}" --sign "$key;object=bare-ec?pin-value=$PIN"
    finds '^key warning the public half is not on the token' '^signature warning a signature with SHA256 was made, but there is no public half'
    doctor 0 "${HERE[@]}" --sign "$key;object=pssonly?pin-value=$PIN"
    finds '^key ok usage: .*allowed mechanisms: CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS' '^signature ok a signature with SHA256 and PSS'
    doctor 0 "${HERE[@]}" --sign "$key;object=ed25519?pin-value=$PIN"
    doctor 1 "${HERE[@]}" --sign "$key;object=x25519?pin-value=$PIN"
    finds '^signature warning a key of type X25519 makes no signatures'
    doctor 2 "${HERE[@]}" --sign "$key;object=twin?pin-value=$PIN"
    finds '^key failure 2 keys fit the URI'
    doctor 0 "${HERE[@]}" "$key?pin-value=$PIN"
    finds '^key ok 1[0-9] keys fit the URI -> add object='
}

# An expired certificate, and one of another key.
scenario_doctor_certificates() {
    doctor_built
    local expired=(-days -1) # which newer releases refuse
    case $(openssl version) in "OpenSSL 3.0"*) ;; *) expired=(-not_before 20200101000000Z -not_after 20200102000000Z) ;; esac
    local store=(pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" --write-object cert.der --type cert)
    cp "$TOKENS/ec256.cert.pem" cert.pem
    openssl x509 -in cert.pem -outform DER -out cert.der
    "${store[@]}" --id 04 --label ec384 >log 2>&1 || { cat log >&2; die pkcs11-tool; }
    doctor 2 "${HERE[@]}" "pkcs11:token=scenarios;object=ec384;type=private?pin-value=$PIN"
    finds '^key failure certificate CN = localhost.*is of another key'
    openssl x509 -req -in <(openssl req -new -key "$TOKENS/ec256.pem" -subj /CN=old) -signkey "$TOKENS/ec256.pem" "${expired[@]}" -outform DER -out cert.der 2>/dev/null
    "${store[@]}" --id 03 --label ec256 >log 2>&1 || { cat log >&2; die pkcs11-tool; }
    doctor 1 "${HERE[@]}" "pkcs11:token=scenarios;object=ec256;type=private?pin-value=$PIN"
    finds '^key warning certificate CN ?= ?old, until 20.*has expired'
}

scenario_doctor_time() {
    doctor_built
    doctor 0 "${HERE[@]}" --time 25 "$(uri ec256)"
    finds '^timing ok 25 signatures: p50 [0-9.]+ ms, p99 [0-9.]+ ms, in one thread; 2.00 calls into the module for each' '^timing ok that is [0-9]+ full TLS handshakes'
    PKCS11_PROVIDER_DEBUG=file:$WORK/log doctor 0 "${HERE[@]}" --time 2 "$(uri ec256)"
    does_not_find 'calls into the module'
    grep -q "sign with the private key" log || die "the user's log is not written"
    fails "--time" "$DOCTOR" --time 0 "$(uri ec256)"
    fails "--sign requires uri" "$DOCTOR" --sign
}

# What asynchronous jobs can expect: OpenSSL, the directive, the token's sessions, the module's locks.
scenario_doctor_jobs() {
    doctor_built
    local uri="pkcs11:token=scenarios"
    doctor 0 "${HERE[@]}"
    finds "^jobs ok OpenSSL's asynchronous jobs .* one of 64 workers .*pkcs11-async-threads" '^jobs ok "scenarios": 64 operations at once ->' \
        '^jobs ok "empty": 64 operations at once ->'
    # With a URI the tokens that it fits, and in JSON the numbers.
    doctor 0 "${HERE[@]}" "$uri"
    does_not_find '^jobs ok "empty"'
    jobs_data() { python3 -c 'import json; print([one["data"] for s in json.load(open("found.json"))["sections"] if s["name"] == "jobs" for one in s["findings"]])'; }
    [ "$(jobs_data)" = "[{'capable': True, 'workers': 64}, {'label': 'scenarios', 'at_once': 64, 'limit': ''}]" ] || die "other data: $(jobs_data)"
    configuration "pkcs11-async-threads = 3"
    doctor 0 "$uri"
    finds "^jobs ok .* one of 3 workers" '^jobs ok "scenarios": 3 operations at once ->'
    configuration "pkcs11-async-threads = 0"
    doctor 0 "$uri"
    finds '^jobs ok .* are not paused: pkcs11-async-threads is 0 -> servers then need a thread or process'
    does_not_find '^jobs ok "scenarios"'
    configuration "pkcs11-module-max-sessions = 2"
    doctor 0 "$uri"
    finds '^jobs ok "scenarios": 2 operations at once, since pkcs11-module-max-sessions allows 2 sessions'
    [ -e "$TEST_MODULE" ] || { echo "the test module is not built"; exit 77; }
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE OPENSSL_CONF=$TOKENS/plain.cnf
    PKCS11_TEST_MAX_SESSIONS=1 doctor 0 "${HERE[@]}" "$uri"
    finds '^jobs ok "scenarios": 1 operation at once, since it allows 1 session ->'
    PKCS11_TEST_NO_OS_LOCKING=1 doctor 0 "${HERE[@]}" "$uri"
    finds '^jobs ok "scenarios": 1 operation at once, since its module takes one call at a time'
    # An OpenSSL that was built without them.
    if command -v cc >/dev/null && [ -z "${SCENARIO_PRELOAD:-}" ]; then
        echo 'int ASYNC_is_capable(void) { return 0; }' | cc -shared -fPIC -x c -o incapable.so -
        LD_PRELOAD=$WORK/incapable.so doctor 0 "${HERE[@]}" "$uri"
        finds '^jobs ok this OpenSSL has no asynchronous jobs .* -> servers then need a thread or process'
        does_not_find '^jobs ok "scenarios"'
    fi
}

# Over many objects or a slow token there is a line on a terminal, which is gone at the end, and nothing elsewhere.
scenario_objects_progress() {
    objects_built
    has_terminals || { echo "there are no terminals here"; exit 77; }
    [ -e "$TEST_MODULE" ] || { echo "the test module is not built"; exit 77; }
    local uri="pkcs11:token=scenarios?pin-value=$PIN" command blanks
    command="'$OBJECTS' list '$uri'"
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE
    clean "$OBJECTS" list "$uri" >listed
    [ "$(wc -l <listed)" -gt 30 ] || die "few objects: $(cat listed)"
    # Each object takes two calls or more: together longer than it takes until the line appears.
    export PKCS11_TEST_DELAY_US=5000
    script -qec "stty cols 30; $command >quietly.txt" /dev/null </dev/null >terminal.txt
    cmp listed quietly.txt || die "the list is another: $(cat quietly.txt)"
    tr '\r' '\n' <terminal.txt >lines
    holds -E '^[0-9]+ of [0-9]+ objects of "scen[a-z]*"? *$' <lines || die "no progress: $(cat -A terminal.txt)"
    awk 'length > 29' lines | lacks . || die "a line that is wider than the terminal: $(cat lines)"
    # The last line has blanks alone, as many as the longest one, and the cursor is at its beginning.
    tail -c 1 terminal.txt | cmp -s - <(printf '\r') || die "the cursor is elsewhere: $(cat -A terminal.txt)"
    blanks=$(tail -n 1 lines)
    [[ $blanks =~ ^\ +$ && ${#blanks} = $(sed '$d' lines | awk '{ if (length > most) most = length } END { print most }') ]] || die "something is left: $(cat -A terminal.txt)"
    # Standard error is no terminal.
    clean "$OBJECTS" list "$uri" >quietly.txt
    [ ! -s stderr.txt ] || die "progress in a file: $(cat stderr.txt)"
    script -qec "$command 2>stderr.txt" /dev/null </dev/null >terminal.txt
    [ ! -s stderr.txt ] || die "progress in a file: $(cat stderr.txt)"
    lacks 'objects of' <terminal.txt || die "progress on standard output"
}


# What is on tokens, for people and for programs.
scenario_objects_list() {
    objects_built
    local here=("$OBJECTS" --provider-path "$PROVIDER_DIR") token="pkcs11:token=scenarios"
    clean "${here[@]}" list "$token;object=rsa" >listed.txt
    head -n 1 listed.txt | holds -E '^TOKEN +LABEL +ID +TYPE +ALGORITHM +USAGE$' || die "the header: $(cat listed.txt)"
    holds -E '^scenarios +rsa +01 +public +RSA 2048 +verify' <listed.txt || die "the public key: $(cat listed.txt)"
    holds -E '^scenarios +rsa +01 +cert +CN = localhost, until 20[0-9-]+$' <listed.txt || die "the certificate: $(cat listed.txt)"
    lacks -w private <listed.txt || die "private keys without a login"
    [ "$(wc -l <listed.txt)" = 3 ] || die "more than fits: $(cat listed.txt)"
    # A configured PIN alone is no wish to log in.
    PKCS11_PIN=$PIN clean "${here[@]}" list "$token" >listed.txt
    lacks -w private <listed.txt || die "a login that nobody asked for"
    PKCS11_PIN=$PIN clean "${here[@]}" list --login "$token;object=bare-ec" >listed.txt
    holds -E '^scenarios +bare-ec +0b +private +EC P-256 +sign' <listed.txt || die "the private key: $(cat listed.txt)"
    # As many as another program sees, and URIs that can be pasted.
    clean "${here[@]}" list --uri "$token?pin-value=$PIN" >uris.txt
    [ "$(wc -l <uris.txt)" = "$(pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" --list-objects 2>/dev/null | grep -cE '(Key|Certificate) Object')" ] ||
        die "other objects than pkcs11-tool sees: $(cat uris.txt)"
    clean openssl pkey "${PROV[@]}" -in "$(grep 'object=ec384;type=private' uris.txt)?pin-value=$PIN" -pubout -out pub.pem
    cmp pub.pem "$(public_of ec384)" || die "the URI is another key's"
    clean "${here[@]}" list --json "$token;object=withcert;type=cert" >listed.json
    python3 -c 'import json; [one] = json.load(open("listed.json")); assert one["id"] == "0e" and one["subject"] == "CN = localhost" and one["uri"].endswith("type=cert"), one'
    if has_terminals; then
        script -qec "stty cols 60; '${here[0]}' list '$token'" /dev/null </dev/null >terminal.txt
        lacks -E '^.{62}' <terminal.txt || die "wider than the terminal: $(cat terminal.txt)"
        holds -F '…' <terminal.txt || die "nothing is cut"
    fi
    fails "no token fits" "${here[@]}" list pkcs11:token=nowhere
    fails 'there is no command "lst"; did you mean list? The commands are' "${here[@]}" lst
    fails 'there is no command "frobnicate". The commands are import-key' "${here[@]}" frobnicate
}

scenario_objects_show() {
    objects_built
    local here=("$OBJECTS" --provider-path "$PROVIDER_DIR")
    clean "${here[@]}" show "pkcs11:token=scenarios;object=pssonly;type=private?pin-value=$PIN" >shown.txt
    local line
    for line in 'class (CKA_CLASS): private' 'algorithm (CKA_KEY_TYPE): RSA 2048' 'sensitive (CKA_SENSITIVE): yes' 'may sign (CKA_SIGN): yes' \
        'made on the token (CKA_LOCAL): yes' 'allowed mechanisms (CKA_ALLOWED_MECHANISMS): CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS' 'modulus (CKA_MODULUS): 256 bytes'; do
        holds -xF "  $line" <shown.txt || die "does not show \"$line\": $(cat shown.txt)"
    done
    clean "${here[@]}" show --json "pkcs11:token=scenarios;object=rsa;type=public" >shown.json
    python3 -c 'import json; [one] = json.load(open("shown.json")); assert one["attributes"]["CKA_VERIFY"] == "yes" and one["algorithm"] == "RSA 2048", one'
    fails "no object fits pkcs11:token=scenarios;object=nowhere" "${here[@]}" show "pkcs11:token=scenarios;object=nowhere"
    # A wrong PIN costs one try, and is not told.
    spy
    fails CKR_PIN_INCORRECT "${here[@]}" show "pkcs11:token=retry?pin-value=$WRONG_PIN"
    [ "$(spied C_Login)" = 1 ] || die "$(spied C_Login) calls of C_Login"
}
