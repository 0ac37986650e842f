#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command with the programs and the OpenSSL of Debian 13:  in-debian13.sh SOURCE BUILD COMMAND...
# It sees the source tree and the build folder at the places that they have here. Nothing can be written but /tmp, which
# is its own, as are processes and network (loopback alone): it may run beside any other test; and the folder WRITABLE, if
# that is set. A program with a sanitizer takes this system's runtime with it.
set -euo pipefail

source=$1 built=$2
shift 2
root=$source/build/debian13
[ -e "$root/complete" ] || { echo "there is no Debian 13 root; see clients.debian13_root"; exit 77; }
unshare --mount --net true 2>/dev/null || { echo "nothing can be mounted here"; exit 77; }

# runtimes FILE...: what these need of the sanitizers
runtimes() {
    local file
    for file in "$@"; do
        case $file in "$built"/*) ldd "$file" 2>/dev/null || true ;; esac
    done | awk '/^\tlib(asan|tsan|ubsan)\.so/ { print $3 }' | sort -u | paste -s -d ' '
}
RUNTIMES=$(runtimes "$@")
export RUNTIMES

# shellcheck disable=SC2016 # the inner shell expands
exec unshare --mount --pid --net --ipc --fork --kill-child sh -ec '
    root=$0 source=$1 built=$2
    shift 2
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/tmp"
    for folder in "$source" "$built"; do
        mkdir -p "$root$folder"
        mount --bind "$folder" "$root$folder"
        mount -o remount,bind,ro "$root$folder"
    done
    # Servers write logs; nothing else is written outside /tmp.
    mount -t tmpfs tmpfs "$root/var/log"
    mkdir "$root/var/log/nginx"
    mount -o remount,bind,ro "$root"
    [ -z "${WRITABLE:-}" ] || mount --bind "$WRITABLE" "$root$WRITABLE"
    if [ -n "$RUNTIMES" ]; then
        mkdir "$root/tmp/runtimes"
        cp -L $RUNTIMES "$root/tmp/runtimes"
    fi
    cd "$root"
    chroot . ip link set lo up
    # Not exec: a first process of its own takes in those that lose their parents.
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp
    [ -z "$RUNTIMES" ] || export LD_LIBRARY_PATH=/tmp/runtimes
    chroot . "$@"
' "$root" "$source" "$built" "$@" </dev/null
