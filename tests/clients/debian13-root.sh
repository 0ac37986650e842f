#!/usr/bin/env bash
# Makes a Debian 13 root in the folder $1, for the programs that Debian 12 has only older versions of, and for its OpenSSL.
# Once, and again where the list of packages has changed; 77 where that can't be done. DEBIAN_MIRROR is taken
# from apt's configuration if it is not set.
set -euo pipefail

root=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mapfile -t packages < <(grep -v '^#' "$here/debian13-packages.txt")

skip() {
    echo "no Debian 13 root: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "it takes root"
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
[ "$(cat "$root/complete" 2>/dev/null)" != "${packages[*]}" ] || exit 0

log=$root.log
failed() {
    tail -n 3 "$log"
    skip "the network or the mirror does not give it (see $log)"
}
within() { timeout 900 chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1 </dev/null; }

if [ ! -e "$root/complete" ]; then
    command -v debootstrap >/dev/null || skip "debootstrap is not installed"
    # shellcheck disable=SC2016 # apt-get expands it
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)}
    [ -n "$mirror" ] || skip "apt knows no mirror of Debian; set DEBIAN_MIRROR"
    rm -rf "$root"
    timeout 500 debootstrap --variant=minbase trixie "$root" "$mirror" >"$log" 2>&1 </dev/null || failed
    # Servers are started by the tests alone.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
fi
# A step of its own: these need alternatives for virtual packages, which debootstrap does not look for.
if ! within apt-get update -q || ! within apt-get install -y -q --no-install-recommends "${packages[@]}"; then
    failed
fi
rm -rf "$root"/var/cache/apt/archives/*.deb
# The folder of what was built here is mounted on /mnt.
modules=$(chroot "$root" openssl version -m | cut -d'"' -f2)
ln -sf /mnt/pkcs11.so "$root$modules/pkcs11.so"
ln -sf /mnt/pkcs11-keyprovider "$root/usr/bin/pkcs11-keyprovider"
echo "${packages[*]}" >"$root/complete"
