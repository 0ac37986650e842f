# SPDX-License-Identifier: Apache-2.0
# Stages of a check, and a table of their times. To be sourced.
# shellcheck shell=bash

stage_lines=()
stages_failed=()
# The final lines of the last ctest, which are printed at the end.
summary=$(mktemp)
trap 'rm -f "$summary"' EXIT

# Prints the processor time of all children that have ended, in seconds.
children_seconds() {
    local fields
    read -r -a fields <"/proc/$$/stat"
    echo $(((fields[15] + fields[16]) / $(getconf CLK_TCK)))
}

# stage NAME COMMAND...: runs the command, returns its status, and remembers a failure for the end
stage() {
    local name=$1 start=$SECONDS before status=0
    before=$(children_seconds)
    shift
    echo "--- $name: $*"
    "$@" || status=$?
    stage_lines+=("$(printf '%-28s %6d s %6d s  %s' "$name" $((SECONDS - start)) $(($(children_seconds) - before)) \
        "$([ $status = 0 ] || echo "FAILED ($status)")")")
    [ $status = 0 ] || stages_failed+=("$name")
    return $status
}

# needed NAME COMMAND...: a stage that all others need
needed() { stage "$@" || finish; }

# Runs ctest, and keeps its final lines for the end.
ctest_quietly() {
    cat "$summary"
    ctest "$@" | awk -v summary="$summary" '
        /^[0-9]+% tests passed/ { closing = 1; printf "" >summary }
        closing { print >summary; next }
        { print; fflush() }'
}

# finish: prints the table and ctest's final lines, and ends
finish() {
    printf '\n%-28s %8s %8s\n' stage seconds processor
    printf '%s\n' "${stage_lines[@]}"
    printf '%-28s %6d s\n\n' "all of it" $SECONDS
    cat "$summary"
    [ ${#stages_failed[@]} = 0 ] || { echo "failed: ${stages_failed[*]}" >&2; exit 1; }
    exit 0
}
