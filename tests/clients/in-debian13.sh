#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command with the programs and the OpenSSL of Debian 13:  in-debian13.sh SOURCE BUILD COMMAND...
# The source tree and the build folder have the same paths as here. Only /tmp and the folder WRITABLE (if it is set) can be
# written to. /tmp, the processes and the network (only loopback) are private, so any other test may run at the same time.
# A program with a sanitizer uses this system's runtime.
set -euo pipefail

source=$1 built=$2
shift 2
root=$source/build/debian13
[ -e "$root/complete" ] || { echo "there is no Debian 13 root; see clients.debian13_root"; exit 77; }
unshare --mount --net true 2>/dev/null || { echo "nothing can be mounted here"; exit 77; }

# runtimes FILE...: prints the sanitizers' libraries that these files need
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
    # Servers write logs. Nothing else is written outside /tmp.
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
    # No exec: the first process of the namespace must adopt the processes that lose their parents.
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp
    [ -z "$RUNTIMES" ] || export LD_LIBRARY_PATH=/tmp/runtimes
    chroot . "$@"
' "$root" "$source" "$built" "$@" </dev/null
