# SPDX-License-Identifier: Apache-2.0
# Shared by the scenarios: one token, one openssl, one way to judge a command. Sourced, with these set:
#   PROVIDER  the provider's file (.../pkcs11.so)     TOKENS  folder made by make-tokens.sh
#   EXAMPLE   the example program                     SOURCE  the project's root
#   LEAKY_PROGRAM, ENDING_PROGRAM  tests/support/*_program.c     SIGNING_THREADS  tests/support/signing_threads.c
# shellcheck shell=bash
set -euo pipefail

[ -n "$PROVIDER" ] || { echo "clang++ is not installed"; exit 77; }
PROVIDER_DIR=$(dirname "$PROVIDER")
PIN=1234
WRONG_PIN=9999
# Seconds for one command.
PATIENCE=60
[ "${VALGRIND:-0}" = 0 ] || PATIENCE=120
PROV=(-provider-path "$PROVIDER_DIR" -provider pkcs11 -provider default)
export OPENSSL_CONF=$TOKENS/plain.cnf
PKCS11_PROVIDER_MODULE=$(cat "$TOKENS/module")
export PKCS11_PROVIDER_MODULE

WORK=$(mktemp -d "${TMPDIR:-/tmp}/scenario.XXXXXX")
# The scenario's status stays what it is, whatever becomes of this. What is still running may write into the folder.
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
# use_tokens FOLDER: a copy of its own, since SoftHSM's files are not made for a crowd of processes that log in at once.
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

# first_under_valgrind A B...: all of them, or under valgrind, where each takes seconds, the first.
first_under_valgrind() {
    if [ "${VALGRIND:-0}" = 1 ]; then echo "$1"; else echo "$@"; fi
}

# What openssl itself says on standard error when all is well; scenario_says_what_software_says compares with it.
CHATTER='^(Using configuration from [^ ]+'
CHATTER+='|Check that the request matches the signature|Signature ok|Certificate request self-signature ok|subject=.*'
CHATTER+='|The Subject.s Distinguished Name is as follows|commonName +:.*|Certificate is to be certified until .*'
CHATTER+='|Revoking Certificate [0-9A-F]+\.|Write out database with [0-9]+ new entries|Data ?[Bb]ase [Uu]pdated'
CHATTER+='|writing RSA key|read EC key|writing EC key|)$'

# Runs a command; it must end with 0, say nothing of its own on standard error, and not hang.
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

openssl_major() { openssl version | sed -nE 's/^OpenSSL ([0-9]+)\..*/\1/p'; }

# fails WORDS COMMAND...: it must end with an error of its own (no signal, no hang), with WORDS in what it says, and
# without the PIN. It has no terminal to ask at.
fails() {
    local words=$1 status=0
    shift
    [ -n "$words" ] || die "any error would do: $*"
    # A shell in between makes a status above 128 of a signal; setsid would make a small number of it.
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

# own_error STATUS FILE...: a program ended so by itself, and no sanitizer speaks in what it wrote. From 99 on it was a signal,
# time that ran out, or valgrind; 255 is the -1 of a program.
own_error() {
    { [ "$1" -lt 99 ] || [ "$1" = 255 ]; } && without_report "${@:2}"
}
# without_report FILE...: they are there, and have no report of a sanitizer or of valgrind
without_report() {
    local status=0
    grep -hE 'Sanitizer|runtime error:|^==[0-9]+== ' -- "$@" >&2 || status=$?
    [ "$status" = 1 ]
}

# refuses COMMAND...: it must end with an error of its own. Under "set -e" a bare "! command" stops nothing, whatever becomes of
# it, and takes a crash for an answer. This verb and the next two are also had by what runs in the Debian 13 root.
refuses() {
    local status=0
    "$@" || status=$?
    [ "$status" != 0 ] || die "did not fail: $*"
    [ "$status" -lt 99 ] || [ "$status" = 255 ] || die "ended with status $status: $*"
}

# differ FILE FILE: both are there, and have other bytes
differ() {
    local status=0
    cmp -s -- "$1" "$2" || status=$?
    [ "$status" = 1 ]
}

# ended PID LOG...: the server still runs, ends at our signal and at nothing else, and no report is in its log.
ended() {
    local status=0
    kill "$1" || { cat "${@:2}" >&2; die "the server has ended before"; }
    wait "$1" || status=$?
    case $status in 0 | 143) ;; *) cat "${@:2}" >&2; die "the server's status is $status" ;; esac
    without_report "${@:2}" || die "a report in the server's log"
}

# answers TEXT COMMAND...: with that on standard input, where programs read answers that have no terminal to ask at
answers() {
    local text=$1
    shift
    # shellcheck disable=SC2094 # they are other files
    echo "$text" | setsid -w timeout "$PATIENCE" "${RUNNER[@]}" "$@" >stdout.txt 2>stderr.txt
}

# mentions_pin FILE...: has something of ours a PIN in it? openssl repeats the URI that it was given in lines of its own,
# and begins the others with numbers that mean nothing here, as does our log, which ends its lines with times.
mentions_pin() {
    local file
    for file in "$@"; do [ -e "$file" ] || die "there is no $file"; done
    cat "$@" | grep -v '^Could not ' | sed -E 's/^[0-9A-F]+:error:[0-9A-F]+://; s/^pkcs11\[[0-9]+\] #[0-9]+//; s/ [0-9]+ us$//' |
        grep -E "pin-value=|(^|[^0-9A-Za-z])($PIN|$WRONG_PIN)([^0-9A-Za-z]|\$)" >&2
}

# holds [OPTION] PATTERN: is it in what comes on standard input? All of that is read: grep -q would end early, and what writes
# would be ended by a signal, which counts as failure here.
holds() {
    local count
    count=$(grep -c "$@") || [ $? = 1 ] || die "grep $*"
    [ "$count" != 0 ]
}
# lacks [OPTION] PATTERN: it is not there. What should have come and did not is no answer, unlike with "! grep" of a file that is
# missing, or of what a command did not write.
lacks() {
    if holds "$@"; then return 1; fi
}

# The numbers of calls that the module saw, as somebody else counts them: OpenSC's pkcs11-spy between provider and module.
spy() {
    local library
    for library in /usr/lib/*/pkcs11-spy.so /usr/lib/pkcs11-spy.so /usr/lib64/pkcs11-spy.so; do
        [ ! -e "$library" ] || break
    done
    [ -e "$library" ] || die "OpenSC's pkcs11-spy.so is not installed"
    export PKCS11SPY=$PKCS11_PROVIDER_MODULE PKCS11SPY_OUTPUT=$WORK/spy.log PKCS11_PROVIDER_MODULE=$library
}
spied() { grep -c "^[0-9]*: $1\$" "$WORK/spy.log" || true; }

# in_root ROOT [FOLDER PLACE]... -- [VARIABLE=VALUE]... COMMAND...: in the system under ROOT, with each FOLDER at its PLACE
# there, and in mounts and processes of its own that go with it.
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

# Leaves a scenario out where ThreadSanitizer would report what the program NAME does by itself.
without_tsan() { [[ "${SCENARIO_PRELOAD:-}" != *tsan* ]] || { echo "ThreadSanitizer reports races of $1 itself"; exit 77; }; }

public_of() { echo "$TOKENS/$1.pub.pem"; }
certificate_of() { echo "$TOKENS/$1.cert.pem"; }
