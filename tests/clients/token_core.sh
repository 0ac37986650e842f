# SPDX-License-Identifier: Apache-2.0
# Tests that are the same for every token. To be sourced after common.sh. A scenario sets these, and calls core_scenarios:
#   MODULE      the module's file; empty: the modules that are registered with p11-kit
#   DIRECTIVES  further lines for the provider's section in openssl.cnf
#   TOKEN       the token's URI
#   DIGEST_TOKEN  the URI of the token that makes digests, if it is another one
#   LABELS      its keys: all or some of rsa, ec256, ec384, ed25519
#   CANNOT      the steps that it cannot do, with the words of the error: CANNOT[derive]="no mechanism"
# shellcheck shell=bash disable=SC2153

MODULE="" DIRECTIVES="" TOKEN="" DIGEST_TOKEN=""
LABELS=(rsa ec256)
declare -A CANNOT=()
# Commands that run at the same time. 1 if the module does not support that.
PROCESSES=8
THREADS=16 SIGNATURES=10 # of each thread

# own_namespaces SCENARIO: runs the scenario again with separate mounts, shared memory and processes, and ends with its status.
# So daemons with a fixed folder find an empty one, and none of them outlives the scenario.
own_namespaces() {
    [ -z "${INSIDE_NAMESPACES:-}" ] || return 0
    local status=0
    unshare --mount --ipc --pid --fork --mount-proc true 2>/dev/null || { echo "there can be no namespaces here"; exit 77; }
    INSIDE_NAMESPACES=1 unshare --mount --ipc --pid --fork --kill-child --mount-proc "$SOURCE/tests/clients/run-scenario.sh" "$1" || status=$?
    exit $status
}

# first_file PATTERN...: prints the first file that fits; needs NAME PROGRAM...: skips the scenario without these programs
first_file() { compgen -G "$1" | head -n 1 || { [ $# -gt 1 ] && first_file "${@:2}"; }; }
needs() {
    local program package=$1
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "$package is not installed: no $program"; exit 77; }
    done
}

# until_true SECONDS COMMAND...: waits until the command succeeds; 1 if it does not
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

listens() { # PORT of this machine
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# token_block LABEL: prints that block of docs/tokens.md; token_module LABEL: prints the module's file that it names, in this release's folder
token_block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$SOURCE/docs/tokens.md"; }
token_module() {
    local path name
    path=$(token_block "$1" | sed -n 's/^pkcs11-module-path = //p')
    name=${path##*/}
    first_file "$path" "/usr/lib/*/$name" "/usr/lib/*/pkcs11/$name" "/usr/lib/*/${1%%-[a-z]*}/$name" "/usr/lib64/$name" "/usr/lib64/pkcs11/$name"
}
# token_environment LABEL SED-SCRIPT: exports the block's variables, with this scenario's values
token_environment() { eval "export $(token_block "$1-environment" | sed "$2")"; }

token_configuration() { # MODULE
    configuration "${1:+pkcs11-module-path = $1}
$DIRECTIVES"
}

key() { echo "$TOKEN;object=$1;type=private?pin-value=$PIN"; }
has() { [[ " ${LABELS[*]} " == *" $1 "* ]]; }
# The types of keys that sign a hash, and for which openssl req makes certificates.
hashed() { for label in "${LABELS[@]}"; do [ "$label" = ed25519 ] || echo "$label"; done; }

# attempt STEP COMMAND...: it works; or, where the token cannot do STEP, fails with the words for that, and so does attempt
attempt() {
    local step=$1
    shift
    if [ -n "${CANNOT[$step]:-}" ]; then
        fails "${CANNOT[$step]}" "$@"
        return 1
    fi
    clean "$@"
}

# The public halves, which verify the signatures, unless the scenario has made them. GnuTLS's tool knows the Edwards curves.
# opencryptoki 3.23 refuses that tool's locking, so OpenSC's tool reads it.
core_public_keys() {
    local label
    for label in "${LABELS[@]}"; do
        [ ! -e "$label.pub" ] || continue
        read_by_gnutls "$label" || read_by_opensc "$label" || { cat tool.log >&2; die "nobody reads the public key $label"; }
    done
}
read_by_gnutls() {
    env OPENSSL_CONF="$TOKENS/plain.cnf" GNUTLS_PIN="$PIN" timeout 60 p11tool --provider "$MODULE" --login --export "$TOKEN;object=$1;type=public" --outfile read.pub >tool.log 2>&1 </dev/null || return
    plain pkey -pubin -in read.pub -pubout -out "$1.pub"
}
read_by_opensc() {
    env OPENSSL_CONF="$TOKENS/plain.cnf" timeout 60 pkcs11-tool --module "$MODULE" --token-label "${TOKEN#*=}" --login --pin "$PIN" --read-object --type pubkey --label "$1" --output-file read.pub >>tool.log 2>&1 </dev/null || return
    plain pkey -pubin -inform DER -in read.pub -pubout -out "$1.pub"
}

core_list() {
    local label
    clean openssl storeutl -noout "$TOKEN?pin-value=$PIN" >listed
    for label in "${LABELS[@]}"; do
        grep -q "object=$label;.*type=private" listed || { cat listed >&2; die "no private key $label in the list"; }
        clean openssl pkey -in "$(key "$label")" -pubout -out given.pub
        cmp -s given.pub "$label.pub" || die "another public key: $label"
    done
}

signs() { # STEP LABEL dgst-OPTIONS
    attempt "$1" openssl dgst "${@:3}" -sign "$(key "$2")" -out sig data.bin || return 0
    plain dgst "${@:3}" -verify "$2.pub" -signature sig data.bin >/dev/null
}

core_sign() {
    local hash label pss=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest)
    for hash in sha256 sha384; do
        for label in $(hashed); do signs "$label" "$label" -$hash; done
        ! has rsa || signs pss rsa -$hash "${pss[@]}"
    done
    # By the token, or by raw RSA with what the host pads.
    ! has rsa || signs pss_sha3 rsa -sha3-256 "${pss[@]}"
    # Not the salt that tokens use by default.
    ! has rsa || signs pss_salt rsa -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:17
    has ed25519 || return 0
    attempt ed25519 openssl pkeyutl -sign -rawin -inkey "$(key ed25519)" -in data.bin -out sig || return 0
    plain pkeyutl -verify -rawin -pubin -inkey ed25519.pub -in data.bin -sigfile sig >/dev/null
}

# Each digest is software's, or is refused because the token does not have it. Every token has SHA-256.
core_digests() {
    local name made="" DIRECTIVES="$DIRECTIVES
pkcs11-digest-token = ${DIGEST_TOKEN:-$TOKEN}?pin-value=$PIN"
    token_configuration "$MODULE"
    head -c 200000 /dev/urandom >long.bin
    for name in sha1 sha224 sha256 sha384 sha512 sha512-224 sha512-256 sha3-224 sha3-256 sha3-384 sha3-512; do
        if timeout "$PATIENCE" "${RUNNER[@]}" openssl dgst -r -$name -propquery provider=pkcs11 data.bin long.bin >made.txt 2>stderr.txt </dev/null; then
            plain dgst -r -$name data.bin long.bin >expected.txt
            cmp -s expected.txt made.txt || die "another hash: $name"
            made+=" $name"
        else
            fails "has no digest" openssl dgst -r -$name -propquery provider=pkcs11 data.bin
        fi
    done
    echo "digests:$made"
    [[ "$made " = *" sha256 "* ]] || die "no SHA-256"
}

decrypts_with() { # STEP PADDING
    # shellcheck disable=SC2086 # the options are words
    plain pkeyutl -encrypt -pubin -inkey rsa.pub -in secret -out encrypted $2
    # shellcheck disable=SC2086 # the options are words
    attempt "$1" openssl pkeyutl -decrypt -inkey "$(key rsa)" -in encrypted -out decrypted $2 || return 0
    cmp -s secret decrypted || die "decryption gives something else: $1"
}

core_decrypt() {
    has rsa || return 0
    head -c 32 /dev/urandom >secret
    decrypts_with decrypt "-pkeyopt rsa_padding_mode:pkcs1"
    decrypts_with oaep_sha1 "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1"
    decrypts_with oaep_sha256 "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256"
    decrypts_with oaep_sha3 "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha3-256"
}

core_derive() {
    has ec256 || return 0
    plain genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.pem
    plain pkey -in peer.pem -pubout -out peer.pub
    attempt derive openssl pkeyutl -derive -inkey "$(key ec256)" -peerkey peer.pub -out secret || return 0
    plain pkeyutl -derive -inkey peer.pem -peerkey ec256.pub -out expected
    cmp -s secret expected || die "the two sides do not agree"
}

# Certificate requests, and the certificates for the next steps.
core_certificates() {
    local label
    for label in "${LABELS[@]}"; do
        [ -z "${CANNOT[$label]:-}" ] || continue
        clean openssl req -new -key "$(key "$label")" -subj "/CN=$label" -out "$label.csr"
        plain req -verify -noout -in "$label.csr" 2>/dev/null
        clean openssl req -new -x509 -key "$(key "$label")" -subj "/CN=$label" -days 30 -out "$label.cert"
        plain verify -CAfile "$label.cert" -check_ss_sig "$label.cert" >/dev/null
    done
}

core_tls() {
    local label version
    # shellcheck disable=SC2034 # start_server reads it
    local SERVER_PROV=()
    for label in "${LABELS[@]}"; do
        [ -z "${CANNOT[$label]:-}" ] || continue
        start_server -cert "$label.cert" -key "$(key "$label")"
        for version in -tls1_2 -tls1_3; do handshake "$label.cert" $version; done
        stop_server
    done
    if has rsa && [ -z "${CANNOT[decrypt]:-}" ]; then
        start_server -cert rsa.cert -key "$(key rsa)"
        handshake rsa.cert -tls1_2 -cipher AES128-GCM-SHA256
        stop_server
    fi
}

core_cms() {
    local label
    for label in $(hashed); do
        clean openssl cms -sign -binary -nodetach -in data.bin -signer "$label.cert" -inkey "$(key "$label")" -outform DER -out signed
        plain cms -verify -binary -inform DER -in signed -CAfile "$label.cert" -purpose any -out content >/dev/null 2>&1
        cmp -s content data.bin || die "cms gives another content"
    done
    ! has rsa || reads_mail decrypt rsa
    ! has ec256 || reads_mail derive ec256
}
reads_mail() { # STEP LABEL
    plain cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail "$2.cert"
    attempt "$1" openssl cms -decrypt -binary -inform DER -in mail -inkey "$(key "$2")" -recip "$2.cert" -out content || return 0
    cmp -s content data.bin || die "cms -decrypt gives another content: $2"
}

# A wrong PIN is tried once, and the right one works afterwards.
core_wrong_pin() {
    local right=$PIN label=${LABELS[0]} PIN=$WRONG_PIN
    spied_configuration
    rm -f "$WORK/spy.log"
    fails CKR_PIN_INCORRECT openssl dgst -sha256 -sign "$(key "$label")" -out sig data.bin
    [ -z "$MODULE" ] || [ "$(spied C_Login)" = 1 ] || die "a wrong PIN was tried $(spied C_Login) times"
    PIN=$right
    token_configuration "$MODULE"
    clean openssl dgst -sha256 -sign "$(key "$label")" -out sig data.bin
}

# With OpenSC's spy before the module, which is impossible for registered modules.
spied_configuration() {
    [ -n "$MODULE" ] || return 0
    export PKCS11SPY=$MODULE PKCS11SPY_OUTPUT=$WORK/spy.log
    token_configuration "$(first_file '/usr/lib/*/pkcs11-spy.so' '/usr/lib/*/pkcs11/pkcs11-spy.so')"
}

# calls_for LABEL SIGNATURES: prints the calls of a process that makes this number of signatures
calls_for() {
    rm -f "$WORK/spy.log"
    clean "$SIGNING_THREADS" "$(key "$1")" "$1.pub" 1 "$2"
    grep -c '^[0-9]*: C_' "$WORK/spy.log"
}

# A signature costs two calls, apart from the search for the key.
core_calls() {
    local label few many
    [ -n "$MODULE" ] || return 0
    spied_configuration
    for label in $(hashed); do
        few=$(calls_for "$label" 3)
        many=$(calls_for "$label" 13)
        echo "$label: $few calls for 3 signatures, $many for 13"
        [ $((many - few)) -le 20 ] || { cat "$WORK/spy.log" >&2; die "$((many - few)) calls for 10 signatures: $label"; }
    done
    token_configuration "$MODULE"
}

core_threads() {
    local label PATIENCE=$((PATIENCE * 3))
    for label in $(hashed); do
        clean "$SIGNING_THREADS" "$(key "$label")" "$label.pub" $THREADS $SIGNATURES
    done
}

core_processes() {
    local number pids=()
    for number in $(seq "$PROCESSES"); do
        (
            timeout "$PATIENCE" "${RUNNER[@]}" openssl dgst -sha256 -sign "$(key "${LABELS[0]}")" -out "sig.$number" data.bin 2>"said.$number"
        ) </dev/null &
        pids+=($!)
    done
    for number in $(seq "$PROCESSES"); do
        wait "${pids[number - 1]}" || { cat "said.$number" >&2; die "one of $PROCESSES processes at once failed"; }
        plain dgst -sha256 -verify "${LABELS[0]}.pub" -signature "sig.$number" data.bin >/dev/null
    done
}

core_scenarios() {
    local step
    unset PKCS11_PROVIDER_MODULE
    core_public_keys
    token_configuration "$MODULE"
    for step in wrong_pin list sign decrypt derive certificates tls cms threads processes calls digests; do
        echo "$step"
        "core_$step"
    done
}
