#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests in a root of a newer Debian, with its compiler, its CMake and its OpenSSL:  test-in-root.sh SUITE [COMMAND...]
#   sid             the newest packages
#   experimental    sid with the OpenSSL of experimental
# Runs COMMAND (default: scripts/test.sh) in the source tree. The source is read-only there, and build/ is a folder of the
# root. The root is made once, in build/SUITE, and updated at each run. Ends with status 77 if that is impossible.
# Warnings are not errors there, because newer compilers have more of them.
set -euo pipefail

usage() { sed -n '3,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }
case ${1:-} in
sid | experimental) suite=$1 && shift ;;
-h | --help) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac
[ $# -gt 0 ] || set -- scripts/test.sh

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$source/build/$suite
"$source/tests/clients/debian-root.sh" "$suite" "$root"
unshare --mount true 2>/dev/null || { echo "nothing can be mounted here"; exit 77; }

# shellcheck disable=SC2016 # the inner shell expands
exec unshare --mount --pid --fork --kill-child sh -ec '
    root=$1 source=$2
    shift 2
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    mkdir -p "$root/srv/source" "$root/srv/build"
    mount --bind "$source" "$root/srv/source"
    mount -o remount,bind,ro "$root/srv/source"
    mount --bind "$root/srv/build" "$root/srv/source/build"
    cd "$root"
    exec chroot . env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        WERROR=OFF ${JOBS:+"JOBS=$JOBS"} sh -ec '\''
            { apt-get update -q && apt-get dist-upgrade -y -q; } >/var/log/upgrade.log 2>&1 || echo "not brought up to date: $(tail -n 1 /var/log/upgrade.log)"
            cd /srv/source
            exec "$@"'\'' sh "$@"
' sh "$root" "$source" "$@" </dev/null
