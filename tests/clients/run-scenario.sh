#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the scenario named $1. With VALGRIND=1 all our commands run under valgrind. "list" prints all names.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "$1" = list ]; then
    sed -n 's/^scenario_\([a-z0-9_]*\)() .*/\1/p' "$here"/scenarios/*.sh
    exit 0
fi
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=debian13.sh
. "$here/debian13.sh"
# shellcheck source=token_core.sh
. "$here/token_core.sh"
if [ "${VALGRIND:-0}" = 1 ]; then
    RUNNER=(valgrind -q --error-exitcode=99 --suppressions="$here/valgrind.supp")
fi
if [ -n "${SCENARIO_PRELOAD:-}" ]; then
    # Programs that end without freeing leak by themselves. The in-process tests look for our leaks.
    RUNNER=(env "LD_PRELOAD=$SCENARIO_PRELOAD" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1)
fi
twice=$(grep -ohE '^[a-z_0-9]+\(\)' "$here"/{common,debian13,token_core}.sh "$here"/scenarios/*.sh | sort | uniq -d)
[ -z "$twice" ] || die "functions that are there twice: $twice"
for file in "$here"/scenarios/*.sh; do
    # shellcheck source=/dev/null
    . "$file"
done
"scenario_$1"
echo "scenario $1: all good"
