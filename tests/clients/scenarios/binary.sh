# SPDX-License-Identifier: Apache-2.0
# The file itself: what it exports, what it asks of libcrypto, where it is installed.
# shellcheck shell=bash

scenario_binary_symbols() {
    local exported
    exported=$(nm -D --defined-only "$PROVIDER" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | grep -v '^__' || true)
    [ "$exported" = OSSL_provider_init ] || die "exports more than the entry point: $exported"
    # Built here and run on every OpenSSL 3, or 4: nothing newer than 3.0.0, or 4.0.0, may be needed.
    nm -D --undefined-only "$PROVIDER" | grep -o '@OPENSSL_.*' | sort -u >needed.txt
    lacks -v "^@OPENSSL_$(openssl_major)\\.0\\.0\$" <needed.txt || { cat needed.txt >&2; die "needs a newer libcrypto"; }
    readelf -d "$PROVIDER" | holds NODELETE || die "can be unmapped"
}

scenario_binary_install() {
    DESTDIR=$WORK/root cmake --install "$PROVIDER_DIR" >log 2>&1 || { cat log >&2; die "cmake --install"; }
    local folder installed
    folder=$(openssl version -m | sed 's/.*"\(.*\)"/\1/')
    [ -f "$WORK/root$folder/pkcs11.so" ] || die "not installed into $folder"
    if [ -n "${URI2PEM:-}" ]; then
        installed=$(first_file "$WORK/root/usr/*/bin/pkcs11-uri2pem") || die "pkcs11-uri2pem is not installed"
        "$installed" --version
    fi
    # shellcheck disable=SC2034 # ossl reads it
    PROV=(-provider-path "$WORK/root$folder" -provider pkcs11 -provider default)
    ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
}

# A folder below the prefix follows the prefix.
scenario_binary_install_prefix() {
    local script
    cmake -S "$SOURCE" -B configured -DPKCS11_MODULES_DIR=lib/ossl-modules -DPKCS11_BUILD_TESTS=OFF -DPKCS11_BUILD_BENCH=OFF -DPKCS11_BUILD_TOOLS=OFF >log 2>&1 ||
        { cat log >&2; die "cmake"; }
    script=configured/cmake_install.cmake
    # shellcheck disable=SC2016 # CMake expands it
    grep -F 'DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/ossl-modules"' $script >/dev/null || { cat $script >&2; die "another folder"; }
}
