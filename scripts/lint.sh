#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks format and code; any finding is an error:  lint.sh [changed|all]
#   changed  (the default) clang-tidy without its analyzer, on the files that have changed since the commit LINT_BASE, and on
#            those that include a changed header. By default LINT_BASE is the commit in .ci/lint-base, the last one with a
#            check of all files.
#   all      clang-tidy with the analyzer on all files
# In any case it checks all files: their format by clang-format, scripts by shellcheck (.shellcheckrc), their SPDX lines,
# the width of lines in Markdown, and includes by check-layers.py. With another clang-format than 14 it checks neither
# format nor code, and ends with 77.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scope=${1:-changed}
[[ $scope = changed || $scope = all ]] || {
    sed -n '3,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}
for tool in git shellcheck clang-format clang-tidy; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed: scripts/install-deps.sh fuzz" >&2; exit 1; }
done
git rev-parse --is-inside-work-tree >/dev/null

# Every source file names its license.
unlicensed=$(git ls-files -z '*.cpp' '*.h' '*.h.in' '*.c' '*.sh' '*.py' '*.cmake' '*CMakeLists.txt' '*.map' '*.gp' '*.sed' '*.bash' '*.yml' .ci/run |
    xargs -0 grep -L 'SPDX-License-Identifier: Apache-2.0' || true)
[ -z "$unlicensed" ] || {
    printf 'no SPDX line:\n%s\n' "$unlicensed" >&2
    exit 1
}

# Lines of Markdown have at most 120 characters. Tables and blocks of commands are exempt, because they cannot be broken.
mapfile -t documents < <(git ls-files '*.md')
long=$(awk 'FNR == 1 { block = 0 } /^ *```/ { block = !block } !block && !/^ *\|/ && !/^    / && length > 120 { print FILENAME ":" FNR ": " length " characters" }' "${documents[@]}")
[ -z "$long" ] || {
    printf 'long lines in Markdown:\n%s\n' "$long" >&2
    exit 1
}

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
shellcheck "${scripts[@]}"

# unheeded: prints negations that do not stop the script, also inside strings, which shellcheck does not read. "set -e" ignores
# a bare "! command", and "! grep" and "! cmp" also succeed if a file is missing. tests/clients/common.sh has functions for both.
unheeded() {
    grep -nE '(^|[;{(]|\b(do|then|else)\b)[[:space:]]*! ' "${scripts[@]}" | grep -vE '\|\||^[^:]*:[0-9]*: *#'
    grep -nE '^[[:space:]]*! ([ef]?grep|cmp|diff|.*\| *(holds|grep))\b' "${scripts[@]}"
}
found=$(unheeded || true)
if [ -n "$found" ]; then
    echo "$found" >&2
    echo "these accept any failure, or check nothing: use refuses, lacks or differ" >&2
    exit 1
fi

scripts/check-layers.py

# Other versions have other findings, so only one version counts.
case $(clang-format --version) in
*' version 14.'*) ;;
*)
    echo "format and lint are checked with clang-format and clang-tidy 14 (Debian 12), and $(clang-format --version) is here: not checked" >&2
    exit 77
    ;;
esac
mapfile -t sources < <(git ls-files '*.cpp' '*.h' '*.c')
clang-format --dry-run -Werror "${sources[@]}"
mapfile -t checked < <(printf '%s\n' "${sources[@]}" | grep '\.cpp$' | grep -vE '^(tests|bench|cmake)/')

# changed_since BASE: changed files and all files that include them, directly or not (all includes have paths from the root)
changed_since() {
    local found new patterns
    found=$(git diff --name-only --diff-filter=d "$1" -- '*.cpp' '*.h' | sort -u)
    while true; do
        patterns=$(grep '\.h$' <<<"$found" | sed 's/.*/#include "&"/' || true)
        new=$({ echo "$found"; [ -z "$patterns" ] || grep -lF "$patterns" "${sources[@]}" || true; } | sort -u)
        [ "$new" != "$found" ] || break
        found=$new
    done
    echo "$found"
}

# Which mutex guards what (pkcs11/mutex.h) is checked with any scope.
options=(--extra-arg=-Wthread-safety --checks='clang-diagnostic-thread-safety*')
if [ "$scope" = changed ]; then
    options=(--extra-arg=-Wthread-safety --checks='clang-diagnostic-thread-safety*,-clang-analyzer-*')
    base=${LINT_BASE:-$(cat .ci/lint-base)}
    if ! git cat-file -e "$base^{commit}" 2>/dev/null; then
        echo "commit $base is not here: all files are checked"
    elif [ -n "$(git diff --name-only "$base" -- .clang-tidy)" ]; then
        echo "the checks have changed: all files are checked"
    else
        mapfile -t checked < <(comm -12 <(printf '%s\n' "${checked[@]}" | sort) <(changed_since "$base"))
    fi
fi
echo "clang-tidy: ${#checked[@]} files"
[ ${#checked[@]} -gt 0 ] || exit 0

# A separate build folder, in which nothing is built: clang cannot read the headers that GCC has precompiled.
cmake -S . -B build/lint -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    -DPKCS11_BUILD_TESTS=OFF -DPKCS11_BUILD_BENCH=OFF >/dev/null
printf '%s\n' "${checked[@]}" | xargs -P "$(nproc)" -n 3 clang-tidy -p build/lint --quiet "${options[@]}"
