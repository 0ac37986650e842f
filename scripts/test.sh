#!/usr/bin/env bash
# Builds and runs all tests:  test.sh [preset]   (release, debug, asan or tsan; release if none is named)
# Installs what is needed on Debian and Ubuntu. The last lines are ctest's.
set -euo pipefail

preset=${1:-release}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install-deps.sh test
cmake --preset "$preset" -DPKCS11_BUILD_TESTS=ON -DPKCS11_BUILD_BENCH=ON
cmake --build --preset "$preset"
# FUZZ_SECONDS for each fuzz target, beside the ordinary build only; 0 for none. With the same seed each time, so that no
# change is stopped by what another brought.
if [ "$preset" = release ] && [ "${FUZZ_SECONDS:-60}" != 0 ]; then
    FUZZ_SEED=${FUZZ_SEED:-1} scripts/fuzz.sh "${FUZZ_SECONDS:-60}"
fi
ctest --preset "$preset" --parallel "$(nproc)"
