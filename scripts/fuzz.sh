#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the fuzz targets:  fuzz.sh [SECONDS] [TARGET...]   (60 seconds each, and all targets, if not given)
# Builds them with clang, runs two at a time, and keeps new inputs in build/fuzz/corpus. If one of them finds something, it
# prints the place of the input, and ends with status 1. With FUZZ_SEED every run tries the same inputs in the same order:
# it starts with this seed and only with the repository's own inputs. (The target attributes still differs a little.)
# The target cipher needs OpenSSL 3.5, and runs in the Debian 13 root.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
shift || true
[[ $seconds =~ ^[0-9]+$ ]] || {
    echo "usage: fuzz.sh [SECONDS] [TARGET...]" >&2
    exit 2
}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd tests/fuzz/corpus && printf '%s\n' *)
for target in "${targets[@]}"; do
    [ -d "tests/fuzz/corpus/$target" ] || {
        echo "fuzz.sh: no target $target" >&2
        exit 2
    }
done

scripts/install-deps.sh fuzz
build=$PWD/build/fuzz
cmake --preset fuzz
cmake --build --preset fuzz
mkdir -p "$build/found"
export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=print_suppressions=0:suppressions=$PWD/tests/integration/lsan.supp

# in_root COMMAND...: runs it with the OpenSSL of Debian 13, unless this system's is as new. (77 is libFuzzer's status for a finding.)
no_root=76
in_root() {
    if printf 'OpenSSL 3.5\n%s\n' "$(openssl version | cut -d' ' -f1,2)" | sort -VC; then
        "$@"
    else
        tests/clients/debian-root.sh trixie "$PWD/build/debian13" tests/clients/debian13-packages.txt || return "$no_root"
        unshare --mount --net true 2>/dev/null || { echo "nothing can be mounted here"; return "$no_root"; }
        WRITABLE=$build tests/clients/in-debian13.sh "$PWD" "$build" "$@"
    fi
}

# Adds the repository's own inputs to those of earlier runs. With a seed it uses only the repository's.
fuzz() {
    local target=$1 corpus=$build/corpus/$1
    # The timeout is long because the machine may be busy. The seed 0 means a random one.
    local fixed=() options=(-seed="${FUZZ_SEED:-0}" -timeout=60 -rss_limit_mb=2048 -print_final_stats=0 -max_total_time="$seconds")
    [ ! -f "tests/fuzz/$target.dict" ] || options+=("-dict=tests/fuzz/$target.dict")
    if [ -n "${FUZZ_SEED:-}" ]; then
        corpus=$build/seeded/$target
        rm -rf "$corpus"
        # Reloading the folder, and random addresses, would change the inputs.
        options+=(-reload=0)
        ! setarch -R true 2>/dev/null || fixed=(setarch -R)
    fi
    mkdir -p "$corpus"
    cp "tests/fuzz/corpus/$target"/* "$corpus"
    [ "$target" != cipher ] || fixed=(in_root "${fixed[@]}")
    "${fixed[@]}" "$build/tests/fuzz/fuzz_$target" "${options[@]}" "-artifact_prefix=$build/found/$target-" "$corpus" \
        >"$build/$target.log" 2>&1
}

report() {
    local target=$1 status=$2 log=$build/$1.log
    if [ "$status" = 0 ]; then
        echo "$target: $(grep -a '^Done' "$log"), $(grep -a -o 'exec/s: [0-9]*' "$log" | tail -n 1)"
        return
    fi
    if [ "$status" = "$no_root" ]; then
        echo "$target: LEFT OUT: $(tail -n 1 "$log")"
        return
    fi
    failed=1
    echo "$target: FOUND $(grep -a '^SUMMARY' "$log" || echo "status $status"); see $log"
    echo "  again: $build/tests/fuzz/fuzz_$target $(grep -a -o "$build/found/$target-.*" "$log" | tail -n 1)"
}

failed=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
    declare -A running=()
    for target in "${targets[@]:i:2}"; do
        fuzz "$target" &
        running[$target]=$!
    done
    for target in "${targets[@]:i:2}"; do
        status=0
        wait "${running[$target]}" || status=$?
        report "$target" "$status"
    done
done
exit "$failed"
