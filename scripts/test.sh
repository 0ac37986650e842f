#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests:  test.sh [quick|ci|full]
#   quick   unit and integration tests, and the commands of the README
#   (none)  all tests with this machine's OpenSSL, except those of full
#   ci      the same, lint of changed files, and the tests that need a sanitizer or a newer OpenSSL
#   full    everything: lint of all files with the analyzer, all tests in each build and in the roots of other releases,
#           fuzzing, mutants, and a build with tests in Debian sid and with experimental's OpenSSL. Installs the large
#           programs of docs/programs.md, too.
# Installs the required packages on Debian, Ubuntu and Fedora. A table shows the time of each stage. The last lines are ctest's.
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
# One more than processors, because many tests wait for a server or for the end of a process.
jobs=${JOBS:-$(($(nproc) + 1))}

# roots: waits for the systems of other releases, which are downloaded during the builds
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

# unless_left_out NAME COMMAND...: runs it. If it is impossible here (77), that is reported but is no failure: sometimes sid
# cannot be installed, and only one version of clang-format checks the format.
unless_left_out() {
    local name=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" != 77 ] || echo "LEFT OUT: $name"
    [ "$status" = 0 ] || [ "$status" = 77 ]
}

# tests PRESET [CTEST-OPTION...]: runs the tests. Only those that tests/may-skip.txt lists may be skipped.
tests() {
    local preset=$1 status=0
    shift
    ctest_quietly --preset "$preset" --parallel "$jobs" --no-tests=error --output-junit tests.xml "$@" || status=$?
    scripts/check-skips.sh "build/$preset/tests.xml" "$preset" && return "$status"
}

case $tier in ci | full) needed "packages" scripts/install-deps.sh fuzz ;; esac
[ "$tier" != full ] || needed "packages of programs" scripts/install-deps.sh programs
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
