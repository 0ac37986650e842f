#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD TEST_MODULE [GROUP...]: runs the benchmarks (operation, load, threads, softhsm, async, replicas, start, instructions, timing; all
# without GROUP), and writes JSON, reports in Markdown and drawings to BUILD/bench-results. BENCH_REPETITIONS is 15 without,
# and TIMING_CALLS 200000.
set -euo pipefail

build=$(realpath "$1")
test_module=$(realpath "$2")
shift 2
here=$(cd "$(dirname "$0")" && pwd)
results=$build/bench-results
tokens=$build/bench-tokens
benchmarks=$build/bench/benchmarks
repetitions=${BENCH_REPETITIONS:-15}
groups=("$@")
[ $# -gt 0 ] || groups=(operation load threads softhsm async replicas start instructions timing)

mkdir -p "$results"
"$here/make-tokens.sh" "$tokens" "$build"
printf '# no configuration\n' >"$tokens/plain.cnf"
module=$(cat "$tokens/module")
export OPENSSL_CONF=$tokens/plain.cnf SOFTHSM2_CONF=$tokens/softhsm2.conf BENCH_TOKENS=$tokens PKCS11_PROVIDER_MODULE=$module
export PKCS11_MODULE_PATH=$module # the engine's name for it

run() { # GROUP FILE OPTIONS...
    echo "== $2"
    "$benchmarks" "$1" --benchmark_out="$results/$2.json" --benchmark_out_format=json \
        --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true \
        --benchmark_repetitions="$repetitions" "${@:3}"
}

# The provider, and the one of which clang has compiled what handles decrypted data, where there is one.
timing() {
    local folder tokens
    for folder in "$build" "$build/clang"; do
        [ -e "$folder/pkcs11.so" ] || continue
        for tokens in with-raw without-raw; do
            printf '\n%s, %s\n\n' "$folder" "$tokens"
            echo '| answers of C_Decrypt | t | largest t of the fastest | difference, cycles | share of samples | median, cycles |'
            echo '|---|---|---|---|---|---|'
            PKCS11_TEST_TARGET=$module PKCS11_PROVIDER_MODULE=$test_module "$build/bench/timing" "$folder" "$tokens" "${TIMING_CALLS:-200000}"
        done
    done
}

for group in "${groups[@]}"; do
    case $group in
    operation) run operation operation --benchmark_min_time=0.1 ;;
    load)
        for count in 10 100 1000 10000; do
            SOFTHSM2_CONF=$tokens/objects-$count/softhsm2.conf BENCH_OBJECTS=$count run load "load-$count" --benchmark_min_time=0.2
        done
        SOFTHSM2_CONF=$tokens/objects-10/softhsm2.conf BENCH_OBJECTS="10, 1 ms a call" PKCS11_TEST_TARGET=$module PKCS11_PROVIDER_MODULE=$test_module \
            PKCS11_TEST_DELAY_US=1000 run load load-delay --benchmark_min_time=0.2
        ;;
    threads)
        # A module that takes a millisecond longer for each call, as one does that has its HSM at the end of a network.
        PKCS11_TEST_TARGET=$module PKCS11_PROVIDER_MODULE=$test_module PKCS11_TEST_DELAY_US=1000 run threads threads --benchmark_min_time=0.5
        # The same where the module has C_SignMessage (PKCS#11 3.0).
        PKCS11_TEST_TARGET=$module PKCS11_PROVIDER_MODULE=$test_module PKCS11_TEST_DELAY_US=1000 PKCS11_TEST_MESSAGE_SIGN=1 \
            run threads threads-messages --benchmark_min_time=0.5 --benchmark_filter='P-256/provider/'
        ;;
    # One to four threads, with nothing but SoftHSM's own time.
    softhsm) run softhsm softhsm --benchmark_min_time=0.1 ;;
    # One thread, 1 ms a call, and then a server with one thread.
    async)
        PKCS11_TEST_TARGET=$module PKCS11_PROVIDER_MODULE=$test_module PKCS11_TEST_DELAY_US=1000 run async async --benchmark_min_time=0.2
        "$here/handshakes.sh" "$build" "$test_module" "$tokens" "$results"
        ;;
    # Each call takes 5 ms, and each token has four sessions.
    replicas)
        mapfile -t second < <("$here/second-hsm.sh" "$tokens" "$test_module")
        env "${second[@]}" PKCS11_TEST_TARGET="$module" PKCS11_TEST_DELAY_US=5000 PKCS11_TEST_MAX_SESSIONS=4 \
            PKCS11_PROVIDER_MODULE="$test_module $tokens/second/second-test-module.so" "$benchmarks" replicas \
            --benchmark_out="$results/replicas.json" --benchmark_out_format=json --benchmark_min_time=0.5 \
            --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true \
            --benchmark_repetitions="$repetitions"
        ;;
    start) run start start --benchmark_min_time=0.2 ;;
    instructions) "$here/instructions.sh" "$build" "$results" ;;
    timing) timing | tee "$results/timing.md" ;;
    *)
        echo "unknown group $group" >&2
        exit 1
        ;;
    esac
done
[ "${groups[*]}" = timing ] || python3 "$here/report.py" "$results"
