#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# soak.sh BUILD TEST_MODULE [SECONDS]: threads, forks and losses for ten minutes, or as long as told; see soak.cpp.
set -euo pipefail

build=$(realpath "$1")
test_module=$(realpath "$2")
tokens=$build/bench-tokens
"$(dirname "$0")/make-tokens.sh" "$tokens" "$build"
printf '# no configuration\n' >"$tokens/plain.cnf"
export OPENSSL_CONF=$tokens/plain.cnf SOFTHSM2_CONF=$tokens/softhsm2.conf BENCH_TOKENS=$tokens
PKCS11_TEST_TARGET=$(cat "$tokens/module") PKCS11_PROVIDER_MODULE=$test_module "$build/bench/soak" "${3:-600}"
