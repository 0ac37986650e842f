#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks the NSS of Debian 14 in the folder $1. It is a token with PKCS#11 3.2, ML-DSA and ML-KEM, which earlier releases do
# not have. It runs on Debian 12 and 13, and nothing is installed. This is done once. Ends with status 77 if that is impossible.
# DEBIAN_MIRROR is taken from apt's configuration if it is not set.
set -euo pipefail

root=$1
suite=forky

skip() {
    echo "no NSS of Debian 14: $*"
    exit 77
}
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
[ ! -e "$root/complete" ] || exit 0

command -v apt-get >/dev/null || skip "this is not Debian"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e $keyring ] || skip "debian-archive-keyring is not installed"
# shellcheck disable=SC2016 # apt-get expands it
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)}
[ -n "$mirror" ] || skip "apt knows no mirror of Debian; set DEBIAN_MIRROR"

# apt uses its own folders, so the machine's package lists and packages do not change.
rm -rf "$root"
mkdir -p "$root"/apt/{lists,cache}/partial "$root/apt/cache/archives/partial"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$root/apt/sources.list"
log=$root.log
apt() {
    timeout 300 apt-get -q -o Dir::Etc::sourcelist="$root/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$root/apt/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$root/apt/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=5 -o APT::Sandbox::User=root "$@" >>"$log" 2>&1 </dev/null || {
        tail -n 3 "$log"
        skip "the network or the mirror does not give it (see $log)"
    }
}
: >"$log"
apt update
(cd "$root/apt" && apt download libnss3 libnss3-tools)
for package in "$root"/apt/*.deb; do
    dpkg-deb -x "$package" "$root"
done
rm -rf "$root/apt"
libraries=("$root"/usr/lib/*/libsoftokn3.so)
ln -sfT "$(realpath --relative-to="$root" "$(dirname "${libraries[0]}")")" "$root/lib"
touch "$root/complete"
