#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a root of another Debian:  debian-root.sh SUITE FOLDER [PACKAGES-FILE]
# ("host" is the suite of this machine; "experimental" is sid, where apt takes OpenSSL from experimental)
# With a file, the root gets the packages that it lists, and links to the files that were built here. The file may have the
# lines "unpacked NAME" (into /opt/NAME, for a package that would replace our files) and "unstable NAME LIBRARY..." (the same,
# in the versions of unstable). Without a file, the root is a clean system for the installation of our package. It is made once,
# and again if the list has changed. Ends with status 77 if that is impossible. DEBIAN_MIRROR is taken from apt's configuration
# if it is not set.
set -euo pipefail

suite=$1 root=$2 packages=() unpacked=() unstable=()
if [ $# -ge 3 ]; then
    mapfile -t packages < <(grep -Ev '^(#|unpacked |unstable )' "$3")
    mapfile -t unpacked < <(sed -n 's/^unpacked //p' "$3")
    mapfile -t unstable < <(sed -n 's/^unstable //p' "$3")
fi

skip() {
    echo "no root with $suite: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "it takes root"
if [ "$suite" = host ]; then
    suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") || skip "this is not Debian"
fi
experimental=
if [ "$suite" = experimental ]; then
    suite=sid experimental=yes
fi
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
# All downloads share a time limit below ctest's, because a slow mirror is no failure.
remaining() { echo $((SECONDS < 1700 ? 1700 - SECONDS : 1)); }
flock -w "$(remaining)" 9 || skip "another build takes too long to make it"
[ ! -e "$root/complete" ] || [ "$(cat "$root/complete")" != "${packages[*]} ${unpacked[*]} ${unstable[*]}" ] || exit 0

log=$root.log
failed() {
    tail -n 3 "$log"
    skip "the network or the mirror does not give it (see $log)"
}
within() { timeout -k 10 "$(remaining)" chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1 </dev/null; }

if [ ! -e "$root/complete" ]; then
    command -v debootstrap >/dev/null || skip "debootstrap is not installed"
    # shellcheck disable=SC2016 # apt-get expands it
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)}
    [ -n "$mirror" ] || skip "apt knows no mirror of Debian; set DEBIAN_MIRROR"
    rm -rf "$root"
    timeout -k 10 "$(remaining)" debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$log" 2>&1 </dev/null || failed
    # Only the tests start servers.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    # The mirror may be an old snapshot.
    printf 'Acquire::Retries "5";\nAcquire::Check-Valid-Until "false";\n' >"$root/etc/apt/apt.conf.d/80retries"
    [ -e "$root/etc/hosts" ] || echo '127.0.0.1 localhost' >"$root/etc/hosts"
    if [ -n "$experimental" ]; then
        echo "deb $mirror experimental main" >>"$root/etc/apt/sources.list"
        printf 'Package: src:openssl\nPin: release a=experimental\nPin-Priority: 900\n' >"$root/etc/apt/preferences.d/openssl"
    fi
fi
# Not by debootstrap, which does not resolve the virtual packages that these need.
if ! within apt-get update -q || ! within apt-get install -y -q --no-install-recommends "${packages[@]}"; then
    failed
fi
for package in "${unpacked[@]}"; do
    # shellcheck disable=SC2016 # the inner shell expands
    within sh -ec 'cd /tmp && apt-get download -q "$1" && dpkg-deb -x "$1"_*.deb "/opt/$1" && rm "$1"_*.deb' sh "$package" || failed
done
# The newest versions of programs come from unstable, because releases are frozen.
cat >"$root/tmp/unstable.sh" <<'UNSTABLE'
set -e
folder=$(mktemp -d)
cd "$folder"
mkdir -p lists/partial
echo "deb $(awk '$1 == "deb" { print $2; exit }' /etc/apt/sources.list) unstable main" >sources.list
set -- "$1" -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o "Dir::Etc::sourcelist=$folder/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$folder/lists"
packages=$1
shift
apt-get "$@" update -q
# shellcheck disable=SC2086 # names
apt-get "$@" download -q $packages
rm -rf "/opt/${packages%% *}"
for package in ./*.deb; do dpkg-deb -x "$package" "/opt/${packages%% *}"; done
rm -r "$folder"
UNSTABLE
for names in "${unstable[@]}"; do within sh /tmp/unstable.sh "$names" || failed; done
rm -rf "$root"/var/cache/apt/archives/*.deb
if [ ${#packages[@]} -gt 0 ]; then
    # The build folder is mounted on /mnt.
    modules=$(chroot "$root" openssl version -m | cut -d'"' -f2)
    ln -sf /mnt/pkcs11.so "$root$modules/pkcs11.so"
    for command in pkcs11-keyprovider pkcs11-uri2pem; do ln -sf "/mnt/$command" "$root/usr/bin/$command"; done
fi
echo "${packages[*]} ${unpacked[*]} ${unstable[*]}" >"$root/complete"
