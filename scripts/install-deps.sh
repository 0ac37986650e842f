#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed on Debian, Ubuntu and Fedora:
#   install-deps.sh [build|test|programs|bench|fuzz]   (default: build; each includes what the build needs)
# "programs" includes what the nightly tests of docs/programs.md need, beside what "test" has.
# It must run as root or with sudo. Otherwise it prints the command for root, and ends with status 1.
set -euo pipefail

usage() { sed -n '3,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
wanted=${1:-build}
case $wanted in
build | test | programs | bench | fuzz) ;;
-h | --help) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac

build=(cmake ninja-build g++ pkg-config libssl-dev libp11-kit-dev openssl softhsm2 opensc p11-kit p11-kit-modules nlohmann-json3-dev libyaml-cpp-dev libcli11-dev systemtap-sdt-dev)
test=(libgtest-dev libgmock-dev libbenchmark-dev gnutls-bin osslsigncode valgrind xxd clang clang-format clang-tidy shellcheck gdb nginx-light libnss3 libnss3-tools jq python3-cryptography python3-jwcrypto debootstrap python3 bash-completion gcc-mingw-w64-x86-64-win32 gcab wixl)
test+=(apache2-bin bind9-utils curl haproxy iproute2 openvpn stunnel4 systemd logrotate)
bench=(libbenchmark-dev python3 gnuplot-nox valgrind libengine-pkcs11-openssl)
fuzz=(clang)
# Not every release has these: tokens and a server for tests, which are skipped without them, and the fuzzers' runtime, which
# other releases have in clang's own packages.
tokens=(opencryptoki caml-crush-server caml-crush-clients debian-archive-keyring)
servers=(trafficserver)
# The programs of docs/programs.md: small ones for every run, and the others.
programs=(python3-yaml python3-m2crypto libio-socket-ssl-perl lighttpd lighttpd-mod-openssl mosquitto redis-server xmlsec1 sbsigntool ima-evm-utils u-boot-tools device-tree-compiler hostapd eapoltest)
nightly=(php-cli ruby golang-go postgresql mariadb-server mariadb-client dovecot-imapd postfix unbound rauc squashfs-tools freeradius krb5-kdc krb5-admin-server krb5-user krb5-pkinit strongswan-pki libssh-dev openssh-client libcurl4-openssl-dev bpftrace linux-perf)
runtime=(libclang-rt-dev)
# For the man pages and the package.
build+=(help2man lowdown dpkg-dev file)

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
install() {
    local patient=(-o Acquire::Retries=5 -o Acquire::http::Timeout=30)
    "${as_root[@]}" apt-get "${patient[@]}" update -q >/dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${patient[@]}" "${installing[@]}" "$@" </dev/null
}
installing=(install -y -q --no-install-recommends)
manager=apt-get
if command -v dnf >/dev/null; then
    build=(cmake ninja-build gcc-c++ pkgconf-pkg-config openssl-devel p11-kit-devel openssl softhsm opensc p11-kit json-devel yaml-cpp-devel cli11-devel systemtap-sdt-devel help2man lowdown findutils diffutils)
    test=(p11-kit-server gtest-devel gmock-devel google-benchmark-devel gnutls-utils osslsigncode valgrind valgrind-devel vim-common clang clang-tools-extra ShellCheck gdb nginx nss-softokn nss-tools jq python3 python3-cryptography python3-jwcrypto debootstrap iproute mingw64-gcc gcab msitools systemd logrotate libasan libubsan libtsan)
    bench=(google-benchmark-devel python3 gnuplot-minimal valgrind)
    fuzz=(clang compiler-rt)
    tokens=()
    servers=()
    programs=()
    nightly=()
    runtime=()
    installed() { rpm -q "$1" >/dev/null; }
    install() { "${as_root[@]}" dnf "${installing[@]}" "$@" </dev/null; }
    installing=(install -y)
    manager=dnf
fi

# The source package is made of a commit.
test+=(git)

packages=("${build[@]}")
case $wanted in
test | programs) packages+=("${test[@]}") ;;
bench) packages+=("${test[@]}" "${bench[@]}") ;;
fuzz) packages+=("${fuzz[@]}") ;;
esac

optional=()
case $wanted in
test | bench) optional=("${tokens[@]}" "${servers[@]}" "${programs[@]}") ;;
programs) optional=("${tokens[@]}" "${servers[@]}" "${programs[@]}" "${nightly[@]}") ;;
fuzz) optional=("${runtime[@]}") ;;
esac
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

install_missing() { # PACKAGES
    local package missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get dnf >/dev/null || {
        echo "install-deps.sh knows Debian, Ubuntu and Fedora only; please install: ${missing[*]}" >&2
        exit 1
    }
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "install-deps.sh: there is no sudo; please run this as root:" >&2
        echo "$manager ${installing[*]} ${missing[*]}" >&2
        exit 1
    fi
    echo "installing: ${missing[*]}"
    install "${missing[@]}"
}

install_missing "${packages[@]}"
# After the installation, because only then are apt's lists up to date.
known=()
# The kernel's version is in this name.
[ "$wanted" != programs ] || [ $manager = dnf ] || optional+=("$(apt-cache pkgnames linux-kbuild- | sort -V | head -n 1)")
for package in "${optional[@]}"; do
    ! apt-cache show "$package" >/dev/null 2>&1 || known+=("$package")
done
install_missing "${known[@]}"
