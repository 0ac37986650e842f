#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests:  test.sh [quick|ci|full]
#   quick   unit and integration tests, and what the README shows
#   (none)  what runs with this machine's OpenSSL, except what only full runs
#   ci      the same, lint of changed files, and what only a sanitizer or a newer OpenSSL finds
#   full    everything: lint of all files with the analyzer, all tests in each build and in the roots of other releases,
#           fuzzing, mutants, and a build with tests in Debian sid and with experimental's OpenSSL
# Installs what is needed on Debian, Ubuntu and Fedora. A table says how long each stage took. The last lines are ctest's.
# JOBS sets the number of parallel tests. Compilers' warnings are errors unless WERROR is OFF.
# FUZZ_SECONDS (60) is the time for each fuzz target in full.
set -euo pipefail

usage() {
    sed -n '3,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit "$1"
}
tier=${1:-default}
[ $# -le 1 ] || usage 2 >&2
case $tier in
quick | default | ci | full) ;;
-h | --help) usage 0 ;;
*) usage 2 >&2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=stages.sh
. scripts/stages.sh
# One more than processors: many tests wait for a server or for a process that ends.
jobs=${JOBS:-$(($(nproc) + 1))}

# roots: systems of other releases, which download while others build
roots() {
    local status=0 pid
    for pid in "${root_pids[@]}"; do wait "$pid" || status=$?; done
    return "$status"
}
start_roots() {
    local here=tests/clients
    mkdir -p build
    root_pids=()
    $here/debian-root.sh trixie "$PWD/build/debian13" $here/debian13-packages.txt &
    root_pids+=($!)
    $here/nss-root.sh "$PWD/build/nss" &
    root_pids+=($!)
    $here/debian-root.sh host "$PWD/build/clean" &
    root_pids+=($!)
}

# build PRESET [TARGET...]
build() {
    cmake --preset "$1" -DPKCS11_BUILD_TESTS=ON -DPKCS11_BUILD_BENCH=ON -DPKCS11_WERROR="${WERROR:-ON}" && cmake --build --preset "$1" ${2:+--target "${@:2}"}
}

# unless_left_out NAME COMMAND...: runs it. What cannot be done here (77) is reported, but is not a failure: sid is sometimes
# not installable, and only one version of clang-format judges the format.
unless_left_out() {
    local name=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" != 77 ] || echo "LEFT OUT: $name"
    [ "$status" = 0 ] || [ "$status" = 77 ]
}

# tests PRESET [CTEST-OPTION...]: runs them; none may be left out but those that tests/may-skip.txt lists
tests() {
    local preset=$1 status=0
    shift
    ctest_quietly --preset "$preset" --parallel "$jobs" --no-tests=error --output-junit tests.xml "$@" || status=$?
    scripts/check-skips.sh "build/$preset/tests.xml" "$preset" && return "$status"
}

case $tier in ci | full) needed "packages" scripts/install-deps.sh fuzz ;; esac
needed "packages for tests" scripts/install-deps.sh test
case $tier in
quick)
    needed "build" build release quick-tests
    stage "tests" tests release -L '^(quick|always)$' || true
    ;;
default)
    needed "build" build release
    stage "tests" tests release -LE '^(roots|nightly)$' || true
    ;;
ci | full)
    scope=all asan=() threaded=() tsan=() release=()
    if [ "$tier" = ci ]; then
        scope=changed asan=(-L '^(sanitized|always)$') threaded=(threaded-tests) tsan=(-L '^sanitized$') release=(-LE '^nightly$')
    fi
    start_roots
    stage "lint" unless_left_out lint scripts/lint.sh "$scope" || true
    needed "build" build release
    needed "build with ASan" build asan
    stage "tests with ASan" tests asan "${asan[@]}" || true
    needed "build with TSan" build tsan "${threaded[@]}"
    stage "tests with TSan" tests tsan "${tsan[@]}" || true
    [ "$tier" = ci ] || stage "fuzzing" scripts/fuzz.sh "${FUZZ_SECONDS:-60}" || true
    stage "roots of other releases" roots || true
    stage "tests" tests release "${release[@]}" || true
    [ "$tier" = ci ] || stage "mutants" scripts/mutate.sh || true
    if [ "$tier" = full ]; then
        for suite in sid experimental; do stage "build and tests in $suite" unless_left_out $suite scripts/test-in-root.sh $suite || true; done
    fi
    ;;
esac
finish
