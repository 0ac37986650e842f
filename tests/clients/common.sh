# SPDX-License-Identifier: Apache-2.0
# Shared by the scenarios: a token, openssl, and functions that judge commands. To be sourced with these set:
#   PROVIDER  the provider's file (.../pkcs11.so)     TOKENS  folder made by make-tokens.sh
#   EXAMPLE   the example program                     SOURCE  the project's root
#   LEAKY_PROGRAM, ENDING_PROGRAM  tests/support/*_program.c     SIGNING_THREADS  tests/support/signing_threads.c     KEY_OPERATIONS  tests/support/key_operations.c
# shellcheck shell=bash
set -euo pipefail

[ -n "$PROVIDER" ] || { echo "clang++ is not installed"; exit 77; }
PROVIDER_DIR=$(dirname "$PROVIDER")
PIN=1234
WRONG_PIN=9999
# The time limit for one command, in seconds.
PATIENCE=60
[ "${VALGRIND:-0}" = 0 ] || PATIENCE=120
PROV=(-provider-path "$PROVIDER_DIR" -provider pkcs11 -provider default)
export OPENSSL_CONF=$TOKENS/plain.cnf
PKCS11_PROVIDER_MODULE=$(cat "$TOKENS/module")
export PKCS11_PROVIDER_MODULE

WORK=$(mktemp -d "${TMPDIR:-/tmp}/scenario.XXXXXX")
# Does not change the scenario's status, even if it fails. Processes that still run may write into the folder.
cleanup() {
    local signal
    for signal in TERM KILL; do
        jobs -p | xargs -r kill -s $signal 2>/dev/null || true
        for _ in $(seq 50); do
            [ -n "$(jobs -pr)" ] || break 2
            sleep 0.1
        done
    done
    rm -rf "$WORK" || true
}
trap cleanup EXIT
cd "$WORK"
# use_tokens FOLDER: uses a copy of the folder, because SoftHSM's files do not bear many processes that log in at once.
use_tokens() {
    cp -r "$TOKENS/$1" "$WORK/$1"
    sed "s|^directories.tokendir = .*|directories.tokendir = $WORK/$1|" "$TOKENS/softhsm2.conf" >softhsm2.conf
    export SOFTHSM2_CONF=$WORK/softhsm2.conf
}
use_tokens tokens
head -c 20000 /dev/urandom >data.bin

die() {
    echo "FAILED: $*" >&2
    exit 1
}

# The URI of a key with its PIN: uri LABEL [TYPE]
uri() { echo "pkcs11:token=scenarios;object=$1;type=${2:-private}?pin-value=$PIN"; }

# first_under_valgrind A B...: prints all of them; only the first under valgrind, where each takes seconds
first_under_valgrind() {
    if [ "${VALGRIND:-0}" = 1 ]; then echo "$1"; else echo "$@"; fi
}

# The messages of a successful openssl on standard error. scenario_says_what_software_says compares with them.
CHATTER='^(Using configuration from [^ ]+'
CHATTER+='|Check that the request matches the signature|Signature ok|Certificate request self-signature ok|subject=.*'
CHATTER+='|The Subject.s Distinguished Name is as follows|commonName +:.*|Certificate is to be certified until .*'
CHATTER+='|Revoking Certificate [0-9A-F]+\.|Write out database with [0-9]+ new entries|Data ?[Bb]ase [Uu]pdated'
# The dots of a generation that takes long.
CHATTER+='|writing RSA key|read EC key|writing EC key|\.+|)$'

# Runs a command. It must end with 0, without other messages on standard error, and must not hang.
clean() {
    local status=0
    timeout "$PATIENCE" "${RUNNER[@]}" "$@" 2>stderr.txt </dev/null || status=$?
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

# The openssl command with the provider: ossl dgst ... (the provider's options follow the command's name)
ossl() {
    local command=$1
    shift
    clean openssl "$command" "${PROV[@]}" "$@"
}

# The openssl command with only the default provider, without a token.
plain() {
    env -u PKCS11_PROVIDER_MODULE -u SOFTHSM2_CONF OPENSSL_CONF="$TOKENS/plain.cnf" timeout 60 openssl "$@" </dev/null ||
        die "refused by OpenSSL without the provider: $*"
}

openssl_major() { openssl version | sed -nE 's/^OpenSSL ([0-9]+)\..*/\1/p'; }

# fails WORDS COMMAND...: the command must end with an error of its own (no signal, no hang). Its messages must contain WORDS,
# and no PIN. It has no terminal to ask at.
fails() {
    local words=$1 status=0
    shift
    [ -n "$words" ] || die "any error would do: $*"
    # The shell turns a signal into a status above 128. setsid alone would turn it into a small number.
    # shellcheck disable=SC2016 # it is the inner shell that expands
    setsid -w sh -c 'timeout "$0" "$@"; exit $?' "$PATIENCE" "${RUNNER[@]}" "$@" >stdout.txt 2>stderr.txt </dev/null || status=$?
    [ "$status" -ne 0 ] || die "did not fail: $*"
    own_error "$status" stderr.txt || die "ended with status $status (hang, signal, or an invalid access): $*"
    grep -qF -- "$words" stderr.txt || {
        cat stderr.txt >&2
        die "does not say \"$words\": $*"
    }
    ! mentions_pin stdout.txt stderr.txt || die "tells the PIN: $*"
}

# own_error STATUS FILE...: true if the program itself chose this status, and no sanitizer wrote to its output. A status from 99
# on means a signal, a timeout or valgrind, except 255, which is a program's -1.
own_error() {
    { [ "$1" -lt 99 ] || [ "$1" = 255 ]; } && without_report "${@:2}"
}
# without_report FILE...: true if the files exist, and have no report of a sanitizer or of valgrind
without_report() {
    local status=0
    grep -hE 'Sanitizer|runtime error:|^==[0-9]+== ' -- "$@" >&2 || status=$?
    [ "$status" = 1 ]
}

# refuses COMMAND...: the command must end with an error of its own. Under "set -e" a bare "! command" never stops the script,
# and accepts a crash. Scripts in the Debian 13 root also have this function and the next two.
refuses() {
    local status=0
    "$@" || status=$?
    [ "$status" != 0 ] || die "did not fail: $*"
    [ "$status" -lt 99 ] || [ "$status" = 255 ] || die "ended with status $status: $*"
}

# differ FILE FILE: true if both exist, and differ
differ() {
    local status=0
    cmp -s -- "$1" "$2" || status=$?
    [ "$status" = 1 ]
}

# ended PID LOG...: the server must still run, end at our signal, and have no report in its log.
ended() {
    local status=0
    kill "$1" || { cat "${@:2}" >&2; die "the server has ended before"; }
    wait "$1" || status=$?
    case $status in 0 | 143) ;; *) cat "${@:2}" >&2; die "the server's status is $status" ;; esac
    without_report "${@:2}" || die "a report in the server's log"
}

# answers TEXT COMMAND...: runs it with TEXT on standard input, from which programs without a terminal read answers
answers() {
    local text=$1
    shift
    # shellcheck disable=SC2094 # they are other files
    echo "$text" | setsid -w timeout "$PATIENCE" "${RUNNER[@]}" "$@" >stdout.txt 2>stderr.txt
}

# mentions_pin FILE...: true if one of our messages contains a PIN. Not counted are openssl's own lines, which repeat the URI, and
# the numbers at the beginning of openssl's errors, and at the beginning and end of our log's lines.
mentions_pin() {
    local file
    for file in "$@"; do [ -e "$file" ] || die "there is no $file"; done
    cat "$@" | grep -v '^Could not ' | sed -E 's/^[0-9A-F]+:error:[0-9A-F]+://; s/^pkcs11\[[0-9]+\] #[0-9]+//; s/ [0-9]+ us$//' |
        grep -E "pin-value=|(^|[^0-9A-Za-z])($PIN|$WRONG_PIN)([^0-9A-Za-z]|\$)" >&2
}

# holds [OPTION] PATTERN: true if standard input contains it. It reads everything: grep -q would end early, and a signal would end
# the writer, which counts as a failure.
holds() {
    local count
    count=$(grep -c "$@") || [ $? = 1 ] || die "grep $*"
    [ "$count" != 0 ]
}
# lacks [OPTION] PATTERN: true if standard input does not contain it. With "! grep", a missing file would also count as true.
lacks() {
    if holds "$@"; then return 1; fi
}

# Counts the calls to the module independently, with OpenSC's pkcs11-spy between the provider and the module.
spy() {
    local library
    for library in /usr/lib/*/pkcs11-spy.so /usr/lib/pkcs11-spy.so /usr/lib64/pkcs11-spy.so; do
        [ ! -e "$library" ] || break
    done
    [ -e "$library" ] || die "OpenSC's pkcs11-spy.so is not installed"
    export PKCS11SPY=$PKCS11_PROVIDER_MODULE PKCS11SPY_OUTPUT=$WORK/spy.log PKCS11_PROVIDER_MODULE=$library
}
spied() { grep -c "^[0-9]*: $1\$" "$WORK/spy.log" || true; }

# in_root ROOT [FOLDER PLACE]... -- [VARIABLE=VALUE]... COMMAND...: runs COMMAND in the system under ROOT, with each FOLDER
# mounted at its PLACE. Mounts and processes end with the command.
in_root() {
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount --pid --fork --kill-child sh -ec '
        root=$1
        shift
        mount --bind "$root" "$root"
        while [ "$1" != -- ]; do
            mount --bind "$1" "$root$2"
            shift 2
        done
        shift
        mount -t proc proc "$root/proc"
        cd "$root"
        exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin ${PKCS11_MUTANT:+"PKCS11_MUTANT=$PKCS11_MUTANT"} "$@"
    ' sh "$@" </dev/null
}

# without_tsan NAME: skips the scenario if ThreadSanitizer would report races of the program NAME itself
without_tsan() { [[ "${SCENARIO_PRELOAD:-}" != *tsan* ]] || { echo "ThreadSanitizer reports races of $1 itself"; exit 77; }; }

public_of() { echo "$TOKENS/$1.pub.pem"; }
certificate_of() { echo "$TOKENS/$1.cert.pem"; }
