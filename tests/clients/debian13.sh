# SPDX-License-Identifier: Apache-2.0
# Programs and the OpenSSL of Debian 13, with the provider and the tools that were built here. To be sourced after common.sh.
# shellcheck shell=bash

# debian13: prepares the root that debian-root.sh makes. Each scenario has its own mounts, and writes nothing to the root.
# HOME13 is the scenario's folder (/srv in the root), ENV13 has more variables for its programs, PATIENCE13 is their time limit.
debian13() {
    built_keyprovider
    ROOT13=$SOURCE/build/debian13
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "that root has no sanitizers"; exit 77; }
    [ -e "$ROOT13/complete" ] || { echo "there is no Debian 13 root; see clients.debian13_root"; exit 77; }
    unshare --mount --net true 2>/dev/null || { echo "nothing can be mounted here"; exit 77; }
    HOME13=$WORK/home
    ENV13=()
    mkdir "$HOME13"
}

# in13 SCRIPT: runs it there with the functions refuses, differ and ended, with HOME13 as its home, and in its own network, so that
# no other process uses its ports
in13() {
    # shellcheck disable=SC2016 # the inner shell expands
    in_root "$ROOT13" "$PROVIDER_DIR" /mnt "$HOME13" /srv -- HOME=/srv TMPDIR=/srv SOFTHSM2_CONF=/srv/softhsm2.conf "${ENV13[@]}" \
        unshare --net sh -ec 'ip link set lo up; exec "$@"' sh \
        timeout "${PATIENCE13:-200}" bash -eu -o pipefail -c "$(declare -f die refuses differ without_report ended); cd /srv; $1" >out13.txt 2>&1
}
works13() { in13 "$1" || { cat out13.txt >&2; die "in Debian 13: $1"; }; }
# refused13 WORDS SCRIPT: it must fail with WORDS in its output, and without the PIN
refused13() {
    local status=0
    [ -n "$1" ] || die "any error would do: $2"
    in13 "$2" || status=$?
    [ "$status" != 0 ] || die "did not fail in Debian 13: $2"
    own_error "$status" out13.txt || die "ended with status $status in Debian 13: $2: $(cat out13.txt)"
    grep -qF -- "$1" out13.txt || die "does not say \"$1\": $(cat out13.txt)"
    ! mentions_pin out13.txt || die "tells the PIN: $2"
}

# tokens13: copies the scenarios' token to the root
tokens13() {
    cp -r "$TOKENS/tokens" "$HOME13/tokens"
    echo 'directories.tokendir = /srv/tokens' >"$HOME13/softhsm2.conf"
    cp "$TOKENS"/*.{pub,cert}.pem "$HOME13"
}
