#!/usr/bin/env bash
# Checks format (clang-format) and code (clang-tidy); any finding is an error. Needs a configured build/release.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t sources < <(git ls-files '*.cpp' '*.h' '*.c')
clang-format --dry-run -Werror "${sources[@]}"
mapfile -t checked < <(git ls-files '*.cpp' | grep -vE '^(tests|bench)/')
printf '%s\n' "${checked[@]}" | xargs -P "$(nproc)" -n 3 clang-tidy -p build/release --quiet
