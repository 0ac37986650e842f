#!/usr/bin/env bash
# Makes a Debian 13 root in the folder $1, for the programs that Debian 12 has only older versions of: skopeo 1.18,
# buildah 1.39. Once; 77 where that can't be done. DEBIAN_MIRROR is taken from apt's configuration if it is not set.
set -euo pipefail

root=$1
packages=(skopeo buildah netavark imgcrypt containerd softhsm2 p11-kit p11-kit-modules opensc openssl jq)

skip() {
    echo "no Debian 13 root: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "it takes root"
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
[ ! -e "$root/complete" ] || exit 0
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
# shellcheck disable=SC2016 # apt-get expands it
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)}
[ -n "$mirror" ] || skip "apt knows no mirror of Debian; set DEBIAN_MIRROR"

rm -rf "$root"
log=$root.log
# Packages of the second step need alternatives for virtual packages, which debootstrap does not look for.
if ! timeout 500 debootstrap --variant=minbase trixie "$root" "$mirror" >"$log" 2>&1 </dev/null ||
    ! timeout 500 chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        sh -c 'apt-get update -q && apt-get install -y -q --no-install-recommends "$@"' sh "${packages[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 3 "$log"
    skip "the network or the mirror $mirror does not give it (see $log)"
fi
rm -rf "$root"/var/cache/apt/archives/*.deb
# What was built here is mounted on these.
modules=$(chroot "$root" openssl version -m | cut -d'"' -f2)
touch "$root$modules/pkcs11.so" "$root/usr/bin/pkcs11-keyprovider"
chmod +x "$root/usr/bin/pkcs11-keyprovider"
echo "$modules" >"$root/complete"
