# SPDX-License-Identifier: Apache-2.0
# Ways to activate the provider, and life beside the others.
# shellcheck shell=bash

works() { # openssl options: signs, verifies, and does software work in the same setting
    clean openssl dgst "$@" -sha256 -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    clean openssl dgst "$@" -sha256 -sign "$(uri ec256)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
    software_works "$@"
}

software_works() {
    for label in rsa ec256; do
        clean openssl dgst "$@" -sha256 -sign "$TOKENS/$label.pem" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
        clean openssl dgst "$@" -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
    done
    clean openssl verify "$@" -CAfile "$(certificate_of ec384)" "$(certificate_of ec384)" >/dev/null
    clean openssl genpkey "$@" -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.pem
    plain pkey -in new.pem -noout
    clean openssl cms "$@" -encrypt -binary -in data.bin -outform DER -out mail "$(certificate_of rsa)"
    clean openssl cms "$@" -decrypt -binary -inform DER -in mail -inkey "$TOKENS/rsa.pem" -out content
    cmp -s content data.bin || die "software decryption"
}

scenario_provider_orders() {
    works -provider-path "$PROVIDER_DIR" -provider pkcs11 -provider default
    works -provider-path "$PROVIDER_DIR" -provider default -provider pkcs11
    works -provider "$PROVIDER" -provider default
}

configuration() { # TEXT for the provider's section, and what stands before default
    local body=$1 first=${2:-default} second=pkcs11
    [ "$first" = default ] || second=default
    printf 'config_diagnostics = 1\nopenssl_conf = init\n[init]\nproviders = providers\n%s\n[providers]\n%s = %s_section\n%s = %s_section\n[default_section]\nactivate = 1\n[pkcs11_section]\nmodule = %s\nactivate = 1\n%s\n' \
        "${3:-}" "$first" "$first" "$second" "$second" "$PROVIDER" "$body" >my.cnf
    export OPENSSL_CONF=$WORK/my.cnf
}

scenario_configuration_default_first() {
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE"
    unset PKCS11_PROVIDER_MODULE
    works
}

scenario_configuration_provider_first() {
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE" pkcs11
    unset PKCS11_PROVIDER_MODULE
    works
}

scenario_configuration_default_properties() {
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE" default "alg_section = algs
[algs]
default_properties = ?provider=pkcs11"
    works
}

scenario_configuration_sample() {
    sed -e "s|^# *module = .*|module = $PROVIDER|; s|^# *pkcs11-module-path = .*|pkcs11-module-path = $PKCS11_PROVIDER_MODULE|" "$SOURCE/openssl.cnf.sample" >my.cnf
    grep -q "^module = $PROVIDER" my.cnf || die "the sample names no module"
    grep -q "^pkcs11-module-path = " my.cnf || die "the sample has no module path"
    export OPENSSL_CONF=$WORK/my.cnf
    unset PKCS11_PROVIDER_MODULE
    works
}

scenario_registered_modules() { # neither configuration nor environment: p11-kit's registration
    p11-kit list-modules 2>/dev/null | holds softhsm || { echo "SoftHSM is not registered with p11-kit"; exit 77; }
    unset PKCS11_PROVIDER_MODULE
    works "${PROV[@]}"
    clean openssl dgst "${PROV[@]}" -sha256 -sign "$(uri rsa)&module-name=softhsm2" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    fails "no configured or registered PKCS#11 module" openssl dgst "${PROV[@]}" -sha256 -sign "$(uri rsa)&module-name=nosuch" -out sig data.bin
    fails "no configured or registered PKCS#11 module" openssl dgst "${PROV[@]}" -sha256 -sign "$(uri rsa)&module-path=/usr/lib/evil.so" -out sig data.bin
}

scenario_pin_sources() {
    local bare="pkcs11:token=scenarios;object=rsa;type=private"
    printf '%s\n' "$PIN" >pin.txt && chmod 600 pin.txt
    ossl dgst -sha256 -sign "$bare?pin-source=file:$WORK/pin.txt" -out sig data.bin
    # What everybody can read is refused, unless the configuration says otherwise.
    chmod 644 pin.txt
    fails "can be read by everybody" openssl dgst "${PROV[@]}" -sha256 -sign "$bare?pin-source=file:$WORK/pin.txt" -out sig data.bin
    configuration "pkcs11-allow-readable-pin-files = yes"
    ossl dgst -sha256 -sign "$bare?pin-source=file:$WORK/pin.txt" -out sig data.bin
    export OPENSSL_CONF=$TOKENS/plain.cnf
    chmod 640 pin.txt
    ossl dgst -sha256 -sign "$bare?pin-source=$WORK/pin.txt" -out sig data.bin
    ossl dgst -sha256 -sign "$bare" -passin "pass:$PIN" -out sig data.bin
    PKCS11_PIN=$PIN ossl dgst -sha256 -sign "$bare" -out sig data.bin
    configuration "pkcs11-module-token-pin = $PIN"
    clean openssl dgst -sha256 -sign "$bare" -out sig data.bin
    configuration "pkcs11-module-token-pin = file:$WORK/pin.txt"
    clean openssl dgst -sha256 -sign "$bare" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
}

scenario_directives() {
    # Every directive of both peers is taken.
    configuration "pkcs11-module-path = $PKCS11_PROVIDER_MODULE
pkcs11-module-init-args =
pkcs11-module-allow-export = 0
pkcs11-module-cache-keys = true
pkcs11-module-cache-pins = cache
pkcs11-module-cache-sessions = 5
pkcs11-module-login-behavior = auto
pkcs11-module-load-behavior = early
pkcs11-module-quirks = no-deinit no-operation-state no-session-callbacks no-allowed-mechanisms
pkcs11-module-block-operations = digest
pkcs11-module-assume-fips = false
pkcs11-module-encode-provider-uri-to-pem = true"
    works
    configuration "pkcs11_module = $PKCS11_PROVIDER_MODULE
pin = $PIN
debug_level = 0
force_login = 1
init_args ="
    clean openssl dgst -sha256 -sign "pkcs11:token=scenarios;object=rsa" -out sig data.bin
    configuration "pkcs11_module_path = $PKCS11_PROVIDER_MODULE"
    fails "unknown directive pkcs11_module_path; did you mean pkcs11-module-path?" openssl pkey -in "$(uri rsa)" -noout
    configuration "pkcs11-module-login-behavior = sometimes"
    fails 'pkcs11-module-login-behavior does not accept the value "sometimes": use auto, always or never' openssl pkey -in "$(uri rsa)" -noout
}

scenario_no_export() {
    configuration "pkcs11-module-allow-export = 1"
    clean openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    # No other provider gets the public half (Directives.ForbidTheExportOfPublicKeys); it is written all the same.
    local label
    for label in rsa ec256 x25519; do
        clean openssl pkey -in "$(uri "$label")" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of "$label")" || die "pkey -pubout: $label"
        clean openssl pkey -in "$(uri "$label")" -pubout -outform DER -out pub.der
        plain pkey -pubin -in "$(public_of "$label")" -pubout -outform DER -out expected.der
        cmp -s pub.der expected.der || die "pkey -pubout -outform DER: $label"
        [ "$label" != x25519 ] || continue
        clean openssl req -new -x509 -key "$(uri "$label")" -subj "/CN=$label" -out own.pem
        plain verify -CAfile own.pem own.pem >/dev/null
        clean openssl req -new -key "$(uri "$label")" -subj "/CN=$label" -out request.pem
        plain req -in request.pem -verify -noout 2>/dev/null
        clean openssl cms -sign -nodetach -binary -in data.bin -signer "$(certificate_of "$label")" -inkey "$(uri "$label")" \
            -outform DER -out message
        plain cms -verify -binary -inform DER -in message -CAfile "$(certificate_of "$label")" -out content 2>/dev/null
        cmp -s content data.bin || die "the content of the message: $label"
    done
    clean openssl rsa -in "$(uri rsa)" -RSAPublicKey_out -out pub.pem
    plain rsa -pubin -in "$(public_of rsa)" -RSAPublicKey_out -out expected.pem 2>/dev/null
    cmp -s pub.pem expected.pem || die "rsa -RSAPublicKey_out"
    clean openssl ec -in "$(uri ec256)" -pubout -out pub.pem
    cmp -s pub.pem "$(public_of ec256)" || die "ec -pubout"
}

scenario_debug_log() {
    PKCS11_PROVIDER_DEBUG="file:$WORK/log,level:2" ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    # Each call belongs to a step: the search for the key, and the signature.
    grep -q "#1 search pkcs11:token=scenarios;object=rsa" log || die "the log does not name the search"
    grep -q "#1 C_FindObjects CKR_OK [0-9]* us" log || die "the search is without its calls"
    grep -q '#3 sign with the private key "rsa" on token "scenarios"' log || die "the log does not name the signature"
    grep -q "#3 C_Sign CKR_OK [0-9]* us" log || die "the signature is without its calls"
    ! mentions_pin log || die "the log has the PIN"
    # Neither when it is refused.
    rm log
    PKCS11_PROVIDER_DEBUG="file:$WORK/log,level:2" fails CKR_PIN_INCORRECT openssl dgst "${PROV[@]}" -sha256 -sign "pkcs11:token=retry;object=rsa;type=private?pin-value=$WRONG_PIN" -out sig data.bin
    ! mentions_pin log || die "the log has the wrong PIN"
}

# Nothing is loaded before a key is asked for.
scenario_module_is_loaded_late() {
    configuration ""
    export PKCS11_PROVIDER_MODULE=$WORK/no-such-module.so
    clean openssl version -a >/dev/null
    clean openssl rand -hex 4 >/dev/null
    clean openssl list -providers -verbose >providers
    grep -q "status: active" providers || die "the provider is not active"
    software_works
    # The other programs on the machine, whose modules use libcrypto with this very configuration.
    PKCS11_PROVIDER_MODULE=$(cat "$TOKENS/module")
    clean softhsm2-util --show-slots >/dev/null
    timeout 30 "${RUNNER[@]}" pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" --sign --mechanism SHA256-RSA-PKCS --id 01 -i data.bin -o sig >log 2>&1 || { cat log >&2; die "pkcs11-tool"; }
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    # GnuTLS's tool hangs at its end in the C library's locale lock when the sanitizer's runtime is preloaded.
    [ -n "${SCENARIO_PRELOAD:-}" ] || timeout 30 p11tool --list-tokens >log 2>&1 || { cat log >&2; die "p11tool"; }
}

# counts_reason NUMBER: how often the last command said why the module cannot be used
counts_reason() {
    local count
    count=$(grep -c "PKCS#11 module unusable" stderr.txt) || [ $? = 1 ] || die "no stderr.txt"
    [ "$count" = "$1" ] || { cat stderr.txt >&2; die "says $count times and not $1 why the module cannot be used"; }
}

# A module that cannot be loaded early: software works, and the reason is said once. Nothing else tells the reason to a program
# that does not ask for a key.
scenario_early_module_is_missing() {
    local path first
    export PKCS11_PROVIDER_DEBUG=file:$WORK/log,level:1
    unset PKCS11_PROVIDER_MODULE
    for first in default pkcs11; do
        configuration "pkcs11-module-load-behavior = early
pkcs11-module-path = $WORK/no-such-module.so" $first
        clean openssl list -providers >providers
        grep -q "status: active" providers || die "the provider is not active"
        timeout "$PATIENCE" openssl s_client -help >stdout.txt 2>stderr.txt </dev/null || die "s_client -help"
        counts_reason 0
        software_works
    done
    echo "not a library" >text.so
    for path in "$WORK/no-such-module.so" "$WORK" "$WORK/text.so" "$PROVIDER"; do
        configuration "pkcs11-module-load-behavior = early
pkcs11-module-path = $path" pkcs11
        rm log
        clean openssl req -new -x509 -key "$TOKENS/rsa.pem" -subj /CN=software -out own.pem
        [ "$(grep -c "pkcs11-module-load-behavior = early: .*$path" log)" = 1 ] || { cat log >&2; die "the log: $path"; }
        fails "$path" openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
        counts_reason 1
        fails "$path" openssl pkey -in "$(uri rsa)" -noout
        counts_reason 1
    done
}

# A module that is loaded early and fails in C_Initialize: the same.
scenario_early_module_does_not_start() {
    configuration "pkcs11-module-load-behavior = early
pkcs11-module-init-args = nonsense"
    software_works
    fails CKR_ARGUMENTS_BAD openssl pkey -in "$(uri rsa)" -noout
    [ "$(grep -c CKR_ARGUMENTS_BAD stderr.txt)" = 1 ] || { cat stderr.txt >&2; die "says it more than once"; }
}

# A policy says which modules may be loaded, whoever names them.
scenario_policy_allowed_modules() {
    local module=$PKCS11_PROVIDER_MODULE other
    configuration "pkcs11-allowed-module-paths = $(dirname "$(realpath "$module")"), /nosuch"
    works
    configuration "pkcs11-allowed-module-paths = $module"
    works
    # A copy elsewhere, named by the environment or through a link with an allowed name.
    other=$WORK/other.so
    cp "$module" "$other"
    export PKCS11_PROVIDER_MODULE=$other
    fails "$other is not among pkcs11-allowed-module-paths" openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    # The URI can select among what is loaded, and load nothing.
    export PKCS11_PROVIDER_MODULE=$module
    fails "no configured or registered PKCS#11 module fits" openssl dgst -sha256 -sign "pkcs11:object=rsa;type=private?module-path=$other&pin-value=$PIN" -out sig data.bin
    fails "no configured or registered PKCS#11 module fits" openssl dgst -sha256 -sign "pkcs11:object=rsa;type=private?module-name=other&pin-value=$PIN" -out sig data.bin
    ln -s "$(realpath "$module")" linked.so
    configuration "pkcs11-allowed-module-paths = $WORK/nothing"
    PKCS11_PROVIDER_MODULE=$WORK/linked.so fails "linked.so ($(realpath "$module")) is not among" openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    PKCS11_PROVIDER_MODULE=libsofthsm2.so fails "requires an absolute path" openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    PKCS11_PROVIDER_MODULE="" fails "pkcs11-allowed-module-paths" openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    configuration "pkcs11-allowed-module-paths ="
    fails "does not accept the value" openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
}

# opened COMMAND...: runs it, behind AS; the files that the dynamic linker opened are listed in opened.txt
AS=()
opened() {
    rm -f opened.*
    clean "${AS[@]}" env LD_DEBUG=files "LD_DEBUG_OUTPUT=$WORK/opened" "$@"
    sed -n 's/.*file=\(.*\) \[0\];  generating link map.*/\1/p' opened.* >opened.txt
}

# What was checked is what is loaded: the file behind a link, and not the link, which may lead elsewhere by then.
scenario_policy_loads_what_it_checked() {
    local module=$PKCS11_PROVIDER_MODULE
    ln -s "$module" linked.so
    configuration "pkcs11-allowed-module-paths = $module"
    export PKCS11_PROVIDER_MODULE=$WORK/linked.so
    opened openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    holds -xF "$(realpath "$module")" <opened.txt || die "the module is not among what was opened: $(cat opened.txt)"
    lacks -F linked.so <opened.txt || die "the link was loaded"
}

# Nothing that the policy does not allow is so much as opened: registered by the system, by the user, or behind a module
# that loads others. A user who is not root, since p11-kit reads no configuration of root's.
scenario_policy_registered_modules() {
    own_namespaces policy_registered_modules
    local module=$PKCS11_PROVIDER_MODULE evil=$WORK/evil.so mine=$WORK/mine.so other
    local sign=(openssl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin)
    AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    registered_alone softhsm2 "module: $module"
    echo "module: $evil" >/usr/share/p11-kit/modules/evil.module
    export HOME=$WORK
    unset XDG_CONFIG_HOME PKCS11_PROVIDER_MODULE
    mkdir -p .config/pkcs11/modules
    echo "module: $mine" >.config/pkcs11/modules/mine.module
    cp "$(first_file '/usr/lib/*/pkcs11/p11-kit-trust.so' '/usr/lib64/pkcs11/p11-kit-trust.so')" "$evil"
    cp "$evil" "$mine"
    configuration ""
    chown -R 65534:65534 "$WORK"
    "${AS[@]}" test -r "$PROVIDER" || { echo "other users can't read the provider"; exit 77; }
    opened "${sign[@]}"
    for other in "$evil" "$mine"; do
        holds -xF "$other" <opened.txt || die "without a policy $other is not loaded"
    done
    configuration "pkcs11-allowed-module-paths = $module"
    opened "${sign[@]}"
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    lacks -E 'evil|mine' <opened.txt || die "more than the policy allows was loaded: $(cat opened.txt)"
    configuration "pkcs11-allowed-module-paths = $WORK/nothing"
    fails "none of the modules that are registered" "${AS[@]}" "${sign[@]}"
    # What loads other modules is not meant by its folder.
    for other in p11-kit-proxy.so libp11-kit.so.0 pkcs11-spy.so; do
        other=$(first_file "/usr/lib/*/$other" "/usr/lib64/$other")
        configuration "pkcs11-module-path = $other
pkcs11-allowed-module-paths = $(dirname "$other")"
        PKCS11SPY=$evil fails "is not among pkcs11-allowed-module-paths" "${AS[@]}" "${sign[@]}"
    done
}

# Calls of a whole process, with one module and one token: 16 at most, and these.
scenario_calls_of_a_process() {
    local label token
    token=$(dirname "$(grep -l scenarios "$WORK"/tokens/*/token.object)")
    find "$WORK/tokens" -mindepth 1 -maxdepth 1 ! -path "$token" -exec rm -r {} +
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_TEST_COUNTS=$WORK/counts PKCS11_PROVIDER_MODULE=$TEST_MODULE
    for label in rsa ec256; do
        ossl dgst -sha256 -sign "$(uri $label)" -out sig data.bin
        # Two slots: the token and SoftHSM's free one.
        diff "$WORK/counts" - <<'COUNTS' || die "other calls than expected: $label"
C_Finalize 1
C_FindObjects 2
C_FindObjectsFinal 1
C_FindObjectsInit 1
C_GetAttributeValue 1
C_GetFunctionList 1
C_GetMechanismList 1
C_GetSlotList 2
C_GetTokenInfo 3
C_Initialize 1
C_Login 1
C_OpenSession 1
C_Sign 1
C_SignInit 1
total 18
COUNTS
    done
}

# What vendors' modules want of a login, by directives; the test module stands in for them.
scenario_login_forms() {
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE
    unset PKCS11_PROVIDER_MODULE
    local key without
    key="pkcs11:token=scenarios;object=ec256;type=private"
    signs() { # DIRECTIVES VERB...
        configuration "pkcs11-module-path = $TEST_MODULE
$1"
        "${@:2}" openssl dgst -sha256 -sign "$key" -out sig data.bin
    }
    verified() {
        signs "$1" clean
        plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
    }
    pin="pkcs11-module-token-pin = $PIN"
    for without in "" "pkcs11-module-user-type = so" "pkcs11-module-user-type = 0x80000003"; do
        PKCS11_TEST_QUIRK=vendor-user signs "$pin
$without" fails "C_Login answered CKR_USER_TYPE_INVALID"
    done
    export PKCS11_TEST_QUIRK=vendor-user
    verified "$pin
pkcs11-module-user-type = 0x80000001"
    verified "$pin
pkcs11-module-quirks = luna-non-standard-cku-user"
    export PKCS11_TEST_QUIRK=empty-pin
    verified "pkcs11-module-quirks = empty-pin"
    export PKCS11_TEST_QUIRK=hidden-pin-pad PKCS11_TEST_PROTECTED_PATH=$PIN
    verified "pkcs11-module-token-pin = 9999
pkcs11-module-quirks = pin-pad"
    unset PKCS11_TEST_PROTECTED_PATH
    export PKCS11_TEST_QUIRK=user-name PKCS11_TEST_MESSAGE_SIGN=1
    verified "$pin
pkcs11-module-user-name = operator"
    unset PKCS11_TEST_MESSAGE_SIGN
    export PKCS11_TEST_QUIRK=context-pin PKCS11_TEST_ALWAYS_AUTHENTICATE=1
    verified "$pin
pkcs11-module-context-pin = 9876"
    (umask 077 && echo 9876 >second-pin)
    verified "$pin
pkcs11-module-context-pin = file:$WORK/second-pin"
    signs "$pin" fails CKR_PIN_INCORRECT
    export PKCS11_TEST_QUIRK=no-context-login
    verified "$pin"
    export PKCS11_TEST_HIDE_ATTRIBUTES=0x202 PKCS11_TEST_QUIRK=
    verified "$pin"
}

# A module that never comes back from C_Finalize does not keep the process.
scenario_finalize_hangs() {
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE PKCS11_TEST_QUIRK=finalize-hangs
    clean openssl dgst -provider "$PROVIDER" -provider default -sha256 -sign "$(uri ec256)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin >/dev/null
}

# The one session there may be has a signing of messages begun in it, with another key.
scenario_one_session_for_two_keys() {
    configuration "pkcs11-module-path = $TEST_MODULE
pkcs11-module-max-sessions = 1"
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_TEST_MESSAGE_SIGN=1
    unset PKCS11_PROVIDER_MODULE
    clean openssl cms -sign -nodetach -binary -in data.bin -outform DER -out mail -signer "$(certificate_of rsa)" -inkey "$(uri rsa)" \
        -signer "$(certificate_of ec256)" -inkey "$(uri ec256)"
    cat "$(certificate_of rsa)" "$(certificate_of ec256)" >both.pem
    plain cms -verify -binary -inform DER -in mail -CAfile both.pem -out content
    cmp -s content data.bin || die "another content"
}

# Each line is JSON, and has no PIN.
scenario_debug_log_as_json() {
    PKCS11_PROVIDER_DEBUG="file:$WORK/log,level:2,format:json" ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    jq -es 'all(.time and .pid and .step != null) and any(.function == "C_Sign" and .result == "CKR_OK" and .microseconds >= 0) and any(.message | strings | startswith("sign with"))' log >/dev/null || die "the log: $(cat log)"
    jq -r '.message // .function + " " + .result' log >said
    ! mentions_pin said || die "a PIN"
    PKCS11_PROVIDER_DEBUG="file:$WORK/log,level:2,format:yaml" fails 'PKCS11_PROVIDER_DEBUG does not accept the value "file:'"$WORK"'/log,level:2,format:yaml": use file:PATH,level:N,format:json' openssl dgst "${PROV[@]}" -sha256 -sign "$(uri rsa)" -out sig data.bin
}

# The journal itself, in a /run of its own. What the kernel told journald of the sender shows that the line is the process's.
scenario_audit_log_in_the_journal() {
    [ -x /lib/systemd/systemd-journald ] || { echo "there is no journald"; exit 77; }
    [ -d /sys/fs/cgroup ] || { echo "journald needs the control groups"; exit 77; }
    unshare --mount true 2>/dev/null || { echo "nothing can be mounted here"; exit 77; }
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "journald is not run with a sanitizer's runtime"; exit 77; }
    configuration "pkcs11-audit-log = journal
pkcs11-audit-log-failure = refuse"
    cat >in-namespace <<'END'
        mount -t tmpfs tmpfs /run
        mkdir -p /run/log/journal /run/systemd/journald.conf.d
        # The kernel's audit and messages are left alone.
        printf '[Journal]\nStorage=volatile\nAudit=\nReadKMsg=no\n' >/run/systemd/journald.conf.d/test.conf
        /lib/systemd/systemd-journald >/run/journald.log 2>&1 &
        journald=$!
        for _ in $(seq 200); do ! journalctl --sync 2>/dev/null || break; sleep 0.05; done
        "$@"
        journalctl --sync
        journalctl -t pkcs11-audit -o json --no-pager >journal.json
        kill $journald
        wait $journald || true
END
    clean unshare --mount sh -euc "$(cat in-namespace)" sh \
        openssl dgst -sha256 -sign "$(uri ec256)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin | holds 'Verified OK' || die "the signature"
    [ "$(wc -l <journal.json)" = 1 ] || die "not one line: $(cat journal.json)"
    jq -er '.MESSAGE' journal.json >line
    jq -e --arg hash "$(sha256sum data.bin | cut -d' ' -f1)" \
        '.operation == "sign" and .result == "ok" and .hash.value == $hash and .token.label == "scenarios"' line >/dev/null ||
        die "the line: $(cat line)"
    jq -e --argjson line "$(cat line)" '._PID == ($line.pid | tostring) and ._UID == ($line.user.uid | tostring) and .PRIORITY == "6"' journal.json >/dev/null ||
        die "what journald says: $(cat journal.json)"
    # Where there is no journald, nothing is signed.
    # shellcheck disable=SC2016 # the inner shell expands
    fails "the journal (/run/systemd/journal/socket): No such file or directory" \
        unshare --mount sh -euc 'mount -t tmpfs tmpfs /run; "$@"' sh openssl dgst -sha256 -sign "$(uri ec256)" -out sig2 data.bin
    [ ! -s sig2 ] || die "a signature"
}
