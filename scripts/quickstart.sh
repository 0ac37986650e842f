#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian or Ubuntu machine to a verified signature: installs what is needed, builds the provider, makes a
# SoftHSM token under build/quickstart, signs a file with a key on it and verifies the signature without the provider.
# It prints a line for each stage. The details are in build/quickstart.log.
# You can run it again: it makes a new token each time.
set -euo pipefail

if [ $# -gt 0 ]; then
    case $1 in -h | --help) status=0 ;; *) status=2 ;; esac
    { echo "usage: quickstart.sh"; sed -n '3,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; } >&$((status == 0 ? 1 : 2))
    exit $status
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/build/quickstart
log=$root/build/quickstart.log
mkdir -p "$root/build"
: >"$log"

# stage WHAT COMMAND...: a line for it, and its output in the log
stage() {
    local what=$1 start=$SECONDS status=0
    shift
    printf '%-45s ' "$what"
    # "set -e" means nothing where a status is asked for, so the command gets a shell of its own.
    set +e
    (set -e; "$@") >>"$log" 2>&1 </dev/null
    status=$?
    set -e
    if [ $status != 0 ]; then
        echo "failed"
        { tail -n 5 "$log"; echo "quickstart: \"$what\" failed with status $status. All of its output is in $log"; } >&2
        exit 1
    fi
    echo "done, $((SECONDS - start)) s"
}

build() {
    cd "$root"
    # If the folder is already configured, its setting for the tests stays.
    [ -f build/release/CMakeCache.txt ] || cmake --preset release -DPKCS11_BUILD_TESTS=OFF -DPKCS11_BUILD_BENCH=OFF
    cmake --build --preset release --target provider
}

make_token() {
    rm -rf "$work"
    mkdir -p "$work/tokens"
    cd "$work"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >softhsm2.conf
    softhsm2-util --init-token --free --label quickstart --pin 1234 --so-pin 5678
    tool --keypairgen --key-type rsa:2048 --label release-key --id 01
    tool --keypairgen --key-type EC:prime256v1 --label ec-key --id 02
    echo "a release to be signed" >artefact.txt
}
tool() { pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label quickstart --login --pin 1234 "$@"; }

# Shows a command in a form that can be typed.
show() {
    local word line=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./=-]+$ ]] || word=${word@Q}
        line+=" $word"
    done
    echo " $line"
}
# run WHAT COMMAND...: a stage in the token's folder, whose command is shown at the end
run() {
    stage "$1" env -C "$work" "${@:2}"
    shown+=("$(show "${@:2}")")
}

stage "install what is needed" "$root/scripts/install-deps.sh" build
stage "build the provider" build
for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
    [ ! -e "$module" ] || break
done
export SOFTHSM2_CONF=$work/softhsm2.conf PKCS11_PROVIDER_MODULE=$module
stage "make a SoftHSM token with two keys" make_token

key='pkcs11:token=quickstart;object=release-key;type=private?pin-value=1234'
provider=(-provider-path "$root/build/release" -provider pkcs11 -provider default)
shown=("$(show cd "$work")" "$(show export "SOFTHSM2_CONF=$SOFTHSM2_CONF" "PKCS11_PROVIDER_MODULE=$module")")
run "sign a file with the RSA key" openssl dgst "${provider[@]}" -sha256 -sign "$key" -out artefact.sig artefact.txt
run "read the public key" openssl pkey "${provider[@]}" -in "$key" -pubout -out public.pem
# With OpenSSL alone, without the provider and the token.
run "verify the signature without the provider" env -u PKCS11_PROVIDER_MODULE -u SOFTHSM2_CONF openssl dgst -sha256 -verify public.pem -signature artefact.sig artefact.txt
run "list the token" openssl storeutl "${provider[@]}" -noout 'pkcs11:token=quickstart?pin-value=1234'

cat <<END

The commands, to be repeated in any shell:

$(printf '%s\n' "${shown[@]}")

Read next, in $root:
- README.md, "A first signature by hand": the same with all programs
- docs/howto.md: CMS, certificates, TLS, programs that read keys from files
- docs/tokens.md and docs/configuration.md: your own token
- docs/troubleshooting.md: if something does not work
END
