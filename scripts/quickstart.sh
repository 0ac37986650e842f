#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian or Ubuntu machine to a verified signature: installs what is needed, builds the provider, makes a
# SoftHSM token under build/quickstart, signs a file with a key on it and verifies the signature without the provider.
# You can run it again: it makes a new token each time.
set -euo pipefail

if [ $# -gt 0 ]; then
    case $1 in -h | --help) status=0 ;; *) status=2 ;; esac
    { echo "usage: quickstart.sh"; sed -n '3,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; } >&$((status == 0 ? 1 : 2))
    exit $status
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/build/quickstart
trap 'echo "quickstart failed in line $LINENO: $BASH_COMMAND" >&2' ERR

"$root/scripts/install-deps.sh" build

cd "$root"
# If the folder is already configured, its setting for the tests stays.
[ -f build/release/CMakeCache.txt ] || cmake --preset release -DPKCS11_BUILD_TESTS=OFF -DPKCS11_BUILD_BENCH=OFF
cmake --build --preset release --target provider

for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
    [ ! -e "$module" ] || break
done

rm -rf "$work"
mkdir -p "$work/tokens"
cd "$work"
cat >softhsm2.conf <<CONF
directories.tokendir = $work/tokens
objectstore.backend = file
log.level = ERROR
CONF
export SOFTHSM2_CONF=$work/softhsm2.conf
softhsm2-util --init-token --free --label quickstart --pin 1234 --so-pin 5678 >/dev/null
tool() { pkcs11-tool --module "$module" --token-label quickstart --login --pin 1234 "$@" >/dev/null 2>&1; }
tool --keypairgen --key-type rsa:2048 --label release-key --id 01
tool --keypairgen --key-type EC:prime256v1 --label ec-key --id 02
echo "a release to be signed" >artefact.txt

# Shows a command in a form that can be typed.
show() {
    local word line=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./=-]+$ ]] || word=${word@Q}
        line+=" $word"
    done
    echo " $line"
}
run() {
    show "$@"
    "$@"
}
key='pkcs11:token=quickstart;object=release-key;type=private?pin-value=1234'
provider=(-provider-path "$root/build/release" -provider pkcs11 -provider default)

echo
echo "The commands, to be repeated in any shell:"
echo
show cd "$work"
show export "SOFTHSM2_CONF=$SOFTHSM2_CONF" "PKCS11_PROVIDER_MODULE=$module"
export PKCS11_PROVIDER_MODULE=$module
run openssl dgst "${provider[@]}" -sha256 -sign "$key" -out artefact.sig artefact.txt
run openssl pkey "${provider[@]}" -in "$key" -pubout -out public.pem
# With OpenSSL alone, without the provider and the token.
run env -u PKCS11_PROVIDER_MODULE -u SOFTHSM2_CONF openssl dgst -sha256 -verify public.pem -signature artefact.sig artefact.txt
run openssl storeutl "${provider[@]}" -noout 'pkcs11:token=quickstart?pin-value=1234'
