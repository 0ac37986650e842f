#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lists the tests that were skipped, and fails if tests/may-skip.txt does not allow one of them:
#   check-skips.sh FILE BUILD [WORD...]
# FILE is the output of ctest --output-junit, or a list of names. BUILD and the WORDs describe the run. A line of
# may-skip.txt counts if its first word is one of them, this system (debian, debian12) or its OpenSSL (openssl3.0;
# openssl3.5+ means 3.5 or later).
set -euo pipefail

file=$1
shift
# shellcheck disable=SC1091 # a file of the system
system=$(. /etc/os-release && echo "$ID${VERSION_ID:-}")
openssl=$(openssl version | sed -nE 's/^OpenSSL ([0-9]+\.[0-9]+).*/openssl\1/p')
words=" $* $system ${system%%[0-9]*} $openssl any "
list=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/tests/may-skip.txt

fail() {
    echo "check-skips.sh: $*" >&2
    exit 1
}
# skipped FILE: prints the names, and compares their number with ctest's count
skipped() {
    local names count
    case $1 in
    *.xml)
        count=$(sed -n '/<testsuite /,/>/s/.*[[:space:]]skipped="\([0-9]*\)".*/\1/p' "$1")
        names=$(sed -n '/<testcase /h; /<skipped/{g; s/.*<testcase name="\([^"]*\)".*/\1/p}' "$1")
        [ "$(grep -c . <<<"$names")" = "$count" ] || fail "$1 does not name all skipped tests (their number: ${count:-unknown})"
        [ -z "$names" ] || echo "$names"
        ;;
    *) cat "$1" ;;
    esac
}
is_here() { # WHERE
    case $1 in
    openssl*+) printf '%s\n' "${1%+}" "$openssl" | sort -VC ;;
    *) [[ $words = *" $1 "* ]] ;;
    esac
}
# may_skip NAME: prints the reason
may_skip() {
    local where pattern reason
    while read -r where pattern reason; do
        [[ -z $where || $where = \#* || ! $1 =~ ^($pattern)$ ]] || ! is_here "$where" || { echo "$reason"; return; }
    done <"$list"
    return 1
}

names=$(skipped "$file") || fail "the skipped tests are not known"
forbidden=0
count=0
while read -r name; do
    [ -n "$name" ] || continue
    count=$((count + 1))
    if reason=$(may_skip "$name"); then
        echo "left out: $name ($reason)"
    else
        echo "LEFT OUT, and tests/may-skip.txt does not allow that: $name" >&2
        forbidden=1
    fi
done <<<"$names"
echo "$count left out"
exit $forbidden
