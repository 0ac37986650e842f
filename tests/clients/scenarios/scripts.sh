# SPDX-License-Identifier: Apache-2.0
# The scripts that somebody runs who has just got the source.
# shellcheck shell=bash

# stub NAME [LINE]: a program of that name, before all others, that does LINE or fails
stub() {
    mkdir -p bin
    printf '#!/bin/sh\n%s\n' "${2:-echo "$1 was called" >&2; exit 9}" >"bin/$1"
    chmod +x "bin/$1"
}

scenario_scripts_tell_what_they_do() {
    local script name status
    for name in apt-get dnf sudo cmake dpkg-query rpm; do stub $name; done
    for script in install-deps quickstart; do
        for name in --help -h; do
            PATH=$WORK/bin:$PATH clean "$SOURCE/scripts/$script.sh" $name >said
            holds "$script.sh" <said || die "$script.sh $name does not say how it is called"
            holds -i 'installs what is needed' <said || die "$script.sh $name does not say what it does"
        done
        status=0
        PATH=$WORK/bin:$PATH "$SOURCE/scripts/$script.sh" nonsense >said 2>stderr.txt || status=$?
        if [ $status != 2 ] || [ -s said ]; then die "$script.sh nonsense ends with $status"; fi
        lacks 'was called' <stderr.txt || die "$script.sh nonsense: $(cat stderr.txt)"
    done
}

# Who is not root and has no sudo gets a line for root.
scenario_scripts_without_sudo() {
    [ "$(id -u)" = 0 ] || { echo "it takes root to become somebody else"; exit 77; }
    local name status=0
    stub dpkg-query
    stub apt-get
    for name in bash cat env grep id sed; do ln -s "$(command -v $name)" bin/$name; done
    cp "$SOURCE/scripts/install-deps.sh" .
    chmod -R a+rX "$WORK"
    PATH=$WORK/bin "$(command -v setpriv)" --reuid=65534 --regid=65534 --clear-groups bash install-deps.sh >said 2>stderr.txt || status=$?
    [ $status = 1 ] || die "install-deps.sh ends with $status: $(cat stderr.txt)"
    holds '^apt-get install -y .* cmake .* file$' <stderr.txt || die "no line for apt: $(cat stderr.txt)"
}

# Its commands can be typed again as they are shown, wherever the source is.
scenario_quickstart_shows_commands_that_work() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "a build with sanitizers needs more in the environment"; exit 77; }
    local place="$WORK/a folder's name" shell
    stub cmake 'exit 0'
    stub dpkg-query 'echo install ok installed'
    mkdir -p "$place/build/release"
    cp -r "$SOURCE/scripts" "$place"
    touch "$place/build/release/CMakeCache.txt"
    ln -s "$PROVIDER" "$place/build/release/pkcs11.so"
    env -u SOFTHSM2_CONF -u PKCS11_PROVIDER_MODULE "PATH=$WORK/bin:$PATH" "$place/scripts/quickstart.sh" >said 2>&1 || die "quickstart.sh: $(cat said)"
    sed -n 's/^  //p' said >commands
    [ "$(wc -l <commands)" = 6 ] || die "not the commands: $(cat said)"
    for shell in sh bash; do
        rm "$place"/build/quickstart/{artefact.sig,public.pem}
        env -i "PATH=$PATH" "OPENSSL_CONF=$OPENSSL_CONF" $shell -e commands >again 2>&1 || die "the commands in $shell: $(cat again)"
        holds 'Verified OK' <again || die "the signature is not verified: $(cat again)"
    done
}
