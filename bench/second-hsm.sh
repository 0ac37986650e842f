#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# second-hsm.sh TOKENS TEST_MODULE: makes a second HSM in TOKENS/second, with the same keys: copies of the test module, of SoftHSM and
# of its tokens, which have other serial numbers. Prints the variables that the benchmarks of replicas need.
set -euo pipefail

tokens=$1 test_module=$2
second=$tokens/second
rm -rf "$second"
mkdir "$second"
cp "$test_module" "$second/second-test-module.so"
# In one process, both SoftHSMs would read the same variable.
LC_ALL=C sed 's/SOFTHSM2_CONF/SOFTHSM2_COPY/g' "$(cat "$tokens/module")" >"$second/libsofthsm2.so"
cp -r "$tokens/tokens" "$second/tokens"
sed "s|^directories.tokendir = .*|directories.tokendir = $second/tokens|" "$tokens/softhsm2.conf" >"$second/softhsm2.conf"
serial_of() { SOFTHSM2_CONF=$tokens/softhsm2.conf softhsm2-util --show-slots | grep -B9 "Label: *$1 *\$" | sed -n 's/.*Serial number: *//p' | tail -n 1; }
for token in bench edwards; do
    serial=$(serial_of $token)
    LC_ALL=C sed -i "s/$serial/$(rev <<<"$serial")/" "$second"/tokens/*/token.object
done
echo "BENCH_FIRST_SERIAL=$(serial_of bench)"
echo "BENCH_SECOND_MODULE=$second/second-test-module.so"
echo "BENCH_SECOND_TARGET=$second/libsofthsm2.so"
echo "SOFTHSM2_COPY=$second/softhsm2.conf"
