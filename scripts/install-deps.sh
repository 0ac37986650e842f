#!/usr/bin/env bash
# Installs what is needed on Debian and Ubuntu:  install-deps.sh [build|test|bench|fuzz]   (each includes what the build needs)
set -euo pipefail

build=(cmake ninja-build g++ pkg-config libssl-dev libp11-kit-dev openssl softhsm2 opensc p11-kit p11-kit-modules nlohmann-json3-dev libyaml-cpp-dev libcli11-dev)
test=(libgtest-dev libgmock-dev libbenchmark-dev gnutls-bin osslsigncode valgrind xxd clang-format clang-tidy gdb nginx-light libnss3 libnss3-tools jq python3-jwcrypto debootstrap apache2-bin bind9-utils curl haproxy openvpn stunnel4)
bench=(libbenchmark-dev python3 gnuplot-nox valgrind libengine-pkcs11-openssl)
fuzz=(clang libclang-rt-dev)

packages=("${build[@]}")
case ${1:-build} in
test) packages+=("${test[@]}") ;;
bench) packages+=("${test[@]}" "${bench[@]}") ;;
fuzz) packages+=("${fuzz[@]}") ;;
esac

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
    echo "install-deps.sh knows Debian and Ubuntu only; please install: ${missing[*]}" >&2
    exit 1
}
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q >/dev/null
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null
