#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# in-debian13.sh BUILD TEST_MODULE GROUP...: runs run.sh with the OpenSSL and SoftHSM of Debian 13, beside its pkcs11-provider.
# It needs the root of clients.debian13_root.
set -euo pipefail

build=$(realpath "$1")
test_module=$(realpath "$2")
shift 2
source=$(cd "$(dirname "$0")/.." && pwd)
peer=/opt/pkcs11-provider/usr/lib/$(uname -m)-linux-gnu/ossl-modules

# Google Benchmark is not in the root.
libraries=$build/bench-results/libraries
mkdir -p "$libraries"
cp -L "$(ldd "$build/bench/benchmarks" | awk '$1 ~ /^libbenchmark/ { print $3 }')" "$libraries/libbenchmark.so.1debian"

WRITABLE=$build exec "$source/tests/clients/in-debian13.sh" "$source" "$build" env LD_LIBRARY_PATH="$libraries" BENCH_PEER="$peer" \
    BENCH_REPETITIONS="${BENCH_REPETITIONS:-15}" "$source/bench/run.sh" "$build" "$test_module" "$@"
