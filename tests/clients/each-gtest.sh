#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs each test of a GoogleTest program in a process of its own, as ctest does, JOBS (1) at a time:  each-gtest.sh PROGRAM...
# GTEST_FILTER selects tests; it must leave some. TOGETHER=1 runs all in one process, which is faster. SKIPS has words for check-skips.sh.
set -euo pipefail

# The tests of the program $1, as --gtest_filter wants them.
tests_of() { "$1" --gtest_list_tests | awk '/^[^ ]/ { suite = $1 } /^ / { print suite $1 }'; }

# Each pattern of the filter must fit a test. Otherwise tests would be skipped silently.
require_each_pattern() {
    local pattern filter=${GTEST_FILTER:-}
    for pattern in $(tr ':' ' ' <<<"${filter%%-*}"); do
        GTEST_FILTER=$pattern "$1" --gtest_list_tests | grep -q '^  ' || { echo "no test of $1 fits $pattern"; return 1; }
    done
}

# The time limit for a process, in seconds.
limit=300
[ -z "${TOGETHER:-}" ] || limit=3000
export limit
run_one() {
    local log status=0
    log=$(mktemp)
    timeout "$limit" "$1" --gtest_filter="$2" >"$log" 2>&1 || status=$?
    [ "$status" != 0 ] || ! grep -q '^\[  SKIPPED \]' "$log" || echo "$2" >>"$skipped"
    [ "$status" = 0 ] || { echo "FAILED with status $status: $2" && cat "$log"; }
    rm -f "$log"
    return "$status"
}
export -f run_one
skipped=$(mktemp)
export skipped

failed=0
for program in "$@"; do
    require_each_pattern "$program" || exit 1
    mapfile -t tests < <(tests_of "$program")
    count=${#tests[@]}
    [ "$count" -gt 0 ] || { echo "no tests: $program"; exit 1; }
    [ -z "${TOGETHER:-}" ] || tests=("$(IFS=: && echo "${tests[*]}")")
    # shellcheck disable=SC2016 # the inner shell expands
    printf '%s\n' "${tests[@]}" | xargs -P "${JOBS:-1}" -n 1 bash -c 'run_one "$0" "$1"' "$program" || failed=1
    echo "$(basename "$program"): $count tests"
done
"$(dirname "${BASH_SOURCE[0]}")/../../scripts/check-skips.sh" "$skipped" openssl35 "${SKIPS:-}" || failed=1
rm -f "$skipped"
exit "$failed"
