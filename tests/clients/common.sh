# Shared by the scenarios: one token, one openssl, one way to judge a command. Sourced, with these set:
#   PROVIDER  the provider's file (.../pkcs11.so)     TOKENS  folder made by make-tokens.sh
#   EXAMPLE   the example program                     SOURCE  the project's root
#   LEAKY_PROGRAM  tests/support/leaky_program.c
set -euo pipefail

PROVIDER_DIR=$(dirname "$PROVIDER")
PIN=1234
PROV=(-provider-path "$PROVIDER_DIR" -provider pkcs11 -provider default)
export OPENSSL_CONF=$TOKENS/plain.cnf
PKCS11_PROVIDER_MODULE=$(cat "$TOKENS/module")
export PKCS11_PROVIDER_MODULE

WORK=$(mktemp -d "${TMPDIR:-/tmp}/scenario.XXXXXX")
cleanup() {
    jobs -p | xargs -r kill 2>/dev/null || true
    rm -rf "$WORK"
}
trap cleanup EXIT
cd "$WORK"
# A copy of the token of its own: SoftHSM's files are not made for a crowd of processes that log in at once.
cp -r "$TOKENS/tokens" "$WORK/tokens"
sed "s|^directories.tokendir = .*|directories.tokendir = $WORK/tokens|" "$TOKENS/softhsm2.conf" >softhsm2.conf
export SOFTHSM2_CONF=$WORK/softhsm2.conf
head -c 20000 /dev/urandom >data.bin

die() {
    echo "FAILED: $*" >&2
    exit 1
}

# The URI of a key with its PIN: uri LABEL [TYPE]
uri() { echo "pkcs11:token=scenarios;object=$1;type=${2:-private}?pin-value=$PIN"; }

# What openssl itself says on standard error when all is well, in software, too.
CHATTER='^(Using configuration from|Check that the request|Signature ok|Certificate request self-signature ok|subject=|Certificate Details|writing RSA key|read EC key|writing EC key|Database updated|Data Base Updated|Write out database|Certificate is to be certified|The Subject.s Distinguished Name|commonName|Verification successful|CMS Verification successful|CAfile|engine|No .* |.*: OK$|$)'

# Runs a command; it must end with 0, say nothing of its own on standard error, and not hang.
clean() {
    local status=0
    timeout 60 "${RUNNER[@]}" "$@" 2>stderr.txt </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        cat stderr.txt >&2
        die "status $status: $*"
    fi
    if grep -Ev "$CHATTER" stderr.txt >unexpected.txt; then
        cat unexpected.txt >&2
        die "said something on standard error: $*"
    fi
}
RUNNER=()

# The openssl command with the provider: ossl dgst ... (the options go behind the command's name)
ossl() {
    local command=$1
    shift
    clean openssl "$command" "${PROV[@]}" "$@"
}

# The openssl command with the default provider alone, as somebody without a token runs it.
plain() {
    env -u PKCS11_PROVIDER_MODULE -u SOFTHSM2_CONF OPENSSL_CONF="$TOKENS/plain.cnf" timeout 60 openssl "$@" </dev/null ||
        die "refused by OpenSSL without the provider: $*"
}

# fails WORDS COMMAND...: it must end with an error of its own (no signal, no hang), with WORDS in what it says, and
# without the PIN.
fails() {
    local words=$1 status=0
    shift
    timeout 20 setsid -w "${RUNNER[@]}" "$@" >stdout.txt 2>stderr.txt </dev/null || status=$?
    [ "$status" -ne 0 ] || die "did not fail: $*"
    [ "$status" -lt 124 ] || die "ended with status $status (hang or signal): $*"
    grep -qF -- "$words" stderr.txt || {
        cat stderr.txt >&2
        die "does not say \"$words\": $*"
    }
    # openssl repeats the URI that it was given in its own first line.
    if grep -F ':pkcs11:' stderr.txt | grep -q "pin-value="; then
        die "repeats the PIN: $*"
    fi
}

public_of() { echo "$TOKENS/$1.pub.pem"; }
certificate_of() { echo "$TOKENS/$1.cert.pem"; }
