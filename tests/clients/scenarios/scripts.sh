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

# source_for_quickstart PLACE: a copy of the scripts there, and this build's provider; what installs and builds is replaced
source_for_quickstart() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "a build with sanitizers needs more in the environment"; exit 77; }
    stub cmake 'exit 0'
    stub dpkg-query 'echo install ok installed'
    mkdir -p "$1/build/release"
    cp -r "$SOURCE/scripts" "$1"
    touch "$1/build/release/CMakeCache.txt"
    ln -s "$PROVIDER" "$1/build/release/pkcs11.so"
}
quickstart() { env -u SOFTHSM2_CONF -u PKCS11_PROVIDER_MODULE "PATH=$WORK/bin:$PATH" "$1/scripts/quickstart.sh" >said 2>stderr.txt; }

# Its commands can be typed again as they are shown, wherever the source is.
scenario_quickstart_shows_commands_that_work() {
    local place="$WORK/a folder's name" shell file
    source_for_quickstart "$place"
    quickstart "$place" || die "quickstart.sh: $(cat said stderr.txt)"
    sed -n 's/^  //p' said >commands
    [ "$(wc -l <commands)" = 6 ] || die "not the commands: $(cat said)"
    for shell in sh bash; do
        rm "$place"/build/quickstart/{artefact.sig,public.pem}
        env -i "PATH=$PATH" "OPENSSL_CONF=$OPENSSL_CONF" $shell -e commands >again 2>&1 || die "the commands in $shell: $(cat again)"
        holds 'Verified OK' <again || die "the signature is not verified: $(cat again)"
    done
    # What it says to read is there.
    sed -n '/^Read next/,$p' said | grep -oE '[A-Za-z/]+\.md' >files
    [ "$(wc -l <files)" -ge 4 ] || die "nothing to read next: $(cat said)"
    while read -r file; do [ -e "$SOURCE/$file" ] || die "there is no $file"; done <files
    holds "^## $(sed -n 's/.*README.md, "\(.*\)".*/\1/p' said)\$" <"$SOURCE/README.md" || die "README.md has no such section: $(cat said)"
}

# A line for each stage, and the rest in the log.
scenario_quickstart_stages() {
    source_for_quickstart "$WORK/source"
    stub cmake 'echo built with care'
    quickstart source || die "quickstart.sh: $(cat said stderr.txt)"
    [ ! -s stderr.txt ] || die "more than stages: $(cat stderr.txt)"
    sed '/^$/,$d' said >stages
    [ "$(grep -cE '^[a-zA-Z ]+ done, [0-9]+ s$' stages)" = "$(wc -l <stages)" ] || die "not stages: $(cat said)"
    [ "$(wc -l <stages)" = 7 ] || die "other stages: $(cat said)"
    holds -x 'built with care' <source/build/quickstart.log || die "the log: $(cat source/build/quickstart.log)"
    # The stage that fails is the last one; the reason, the status and the log are named.
    stub cmake 'echo the compiler is tired; exit 7'
    refuses quickstart source
    tail -n 1 said | holds -E '^build the provider +failed$' || die "not the stage: $(cat said)"
    holds -x 'the compiler is tired' <stderr.txt || die "not the reason: $(cat stderr.txt)"
    tail -n 1 stderr.txt | holds -F "status 7. All of its output is in $WORK/source/build/quickstart.log" || die "not the log: $(cat stderr.txt)"
}

# docs/session.svg is what the programs print today.
scenario_scripts_recorded_session() {
    objects_built
    doctor_built
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "a build with sanitizers needs more in the environment"; exit 77; }
    "$SOURCE/scripts/record-session.py" "$PROVIDER_DIR" >session.svg
    python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse("session.svg")' || die "no XML: $(cat session.svg)"
    diff "$SOURCE/docs/session.svg" session.svg || die "make it again: scripts/record-session.py build/release >docs/session.svg"
}
