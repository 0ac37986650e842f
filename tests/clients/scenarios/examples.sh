# SPDX-License-Identifier: Apache-2.0
# The examples that sign in services, containers and CI. What needs a cluster is read by a parser, and its commands run here.
# shellcheck shell=bash

# signing_environment: what the examples' sign.sh needs
signing_environment() {
    programs_files openssl
    DEPLOY=$SOURCE/examples/deploy
    export PKCS11_URI=$URI PIN_FILE=$WORK/pin
    PUBLIC_KEY=$(public_of rsa)
    export PUBLIC_KEY
    sed -i '/^pkcs11-module-token-pin/d' openssl.cnf
    cp data.bin artefact.tar
}

scenario_examples_sign_script() {
    signing_environment
    succeeds "$DEPLOY/sign.sh" data.bin
    proves rsa data.bin.sig
    rm data.bin.sig
    # Neither another key nor a wrong PIN leaves a signature behind.
    PUBLIC_KEY=$(public_of rsa3072) says "Verification failure" "$DEPLOY/sign.sh" data.bin
    [ ! -e data.bin.sig ] || die "a signature that was not verified"
    PIN_FILE=$WORK/wrong-pin says CKR_PIN_INCORRECT "$DEPLOY/sign.sh" data.bin
    (unset PIN_FILE && says PIN_FILE "$DEPLOY/sign.sh" data.bin)
    [ ! -e data.bin.sig ] || die "a signature after an error"
}

# The unit's own environment and command, where %d is a folder with the PIN as systemd makes it.
scenario_examples_systemd_unit() {
    local unit=$SOURCE/examples/deploy/sign@.service line
    signing_environment
    mkdir credentials
    install -m 400 pin credentials/pin
    unset PKCS11_URI PIN_FILE PUBLIC_KEY
    grep -q '^LoadCredential=pin:' "$unit" || die "the unit loads no PIN"
    while read -r line; do
        line=${line#Environment=}
        line=${line//\"/}
        export "${line//%d/$WORK/credentials}"
    done < <(grep '^Environment=' "$unit" | sed "s|token=demo|token=scenarios|; s|/etc/pkcs11/openssl.cnf|$WORK/openssl.cnf|; s|/etc/pkcs11/public.pem|$(public_of rsa)|")
    [ "$PIN_FILE" = "$WORK/credentials/pin" ] || die "another PIN file: $PIN_FILE"
    line=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s|/usr/local/bin|$DEPLOY|; s|/srv/incoming/%I|$WORK/data.bin|")
    # shellcheck disable=SC2086 # words
    succeeds $line
    proves rsa data.bin.sig
}

# systemd itself reads the unit.
scenario_debian13_examples_systemd_unit() {
    debian13
    cp "$SOURCE/examples/deploy/sign@.service" "$HOME13"
    sed -i 's|^ExecStart=/usr/local/bin/sign.sh|ExecStart=/usr/bin/true|; s|^User=.*|User=root|' "$HOME13/sign@.service"
    works13 "systemd-analyze verify --man=no ./sign@one.service 2>&1 | tee verified"
    [ ! -s "$HOME13/verified" ] || die "systemd-analyze: $(cat "$HOME13/verified")"
    sed -i 's/^LoadCredential=.*/LoadCredentials=x/' "$HOME13/sign@.service"
    works13 "systemd-analyze verify --man=no ./sign@one.service >verified 2>&1 || true"
    grep -q "Unknown key.*LoadCredentials" "$HOME13/verified" || die "systemd-analyze does not look at the keys"
}

# yaml EXPRESSION FILE: prints the value of a Python expression about the document
yaml() { /usr/bin/python3 -c 'import sys, yaml; d = yaml.safe_load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$@"; }
yaml_is_here() { /usr/bin/python3 -c 'import yaml' 2>/dev/null || { echo "Python has no yaml here"; exit 77; }; }

scenario_examples_kubernetes() {
    local pod='d["spec"]["template"]["spec"]' file
    yaml_is_here
    signing_environment
    file=$DEPLOY/kubernetes.yml
    # YAML reads 0400 as an octal number.
    [ "$(yaml "oct(${pod}['volumes'][0]['secret']['defaultMode'])" "$file")" = 0o400 ] || die "another mode"
    [ "$(yaml "${pod}['containers'][0]['volumeMounts'][0]['name'] == ${pod}['volumes'][0]['name']" "$file")" = True ] || die "another volume is mounted"
    # Each volume that is mounted is there, and the variables are those of sign.sh.
    [ "$(yaml "{m['name'] for m in ${pod}['containers'][0]['volumeMounts']} == {v['name'] for v in ${pod}['volumes']}" "$file")" = True ] || die "other volumes"
    yaml "'\n'.join(e['name'] + '=' + e['value'] for e in ${pod}['containers'][0]['env'])" "$file" >variables
    grep -oE '\$\{(PKCS11_URI|PIN_FILE|PUBLIC_KEY)' "$DEPLOY/sign.sh" | cut -c3- | sort -u >needed
    cut -d= -f1 variables | sort | cmp - needed || die "other variables"
    # Its command, with the files in other places.
    sed -i "s|token=demo|token=scenarios|; s|/run/secrets/token|$WORK|; s|/etc/signing/public.pem|$(public_of rsa)|" variables
    mapfile -t variables <variables
    install -m 440 pin pin.new && mv pin.new pin
    succeeds env "${variables[@]}" "$DEPLOY/sign.sh" artefact.tar
    proves rsa artefact.tar.sig
}

scenario_examples_github_actions() {
    local step
    yaml_is_here
    signing_environment
    unset PIN_FILE
    mkdir -p temp examples
    ln -s "$DEPLOY" examples/deploy
    for step in Build Sign; do
        yaml "[s['run'] for s in d['jobs']['sign']['steps'] if s.get('name') == '$step'][0]" "$DEPLOY/github-actions.yml" >$step.sh
        RUNNER_TEMP=$WORK/temp TOKEN_PIN=$PIN succeeds bash -e $step.sh
    done
    proves rsa artefact.tar.sig artefact.tar
    [ -z "$(ls temp)" ] || die "the PIN stays on the runner"
    yaml "d['jobs']['sign']['env']['PKCS11_URI']" "$DEPLOY/github-actions.yml" | holds '^pkcs11:token=demo;object=rsa;type=private$' || die "another URI"
}

# The image is not built. Each file that it copies is there, and its commands are the shell's.
scenario_examples_dockerfile() {
    local file=$SOURCE/examples/deploy/Dockerfile name
    sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$file" | grep -v '^#' >instructions
    grep -vE '^(FROM|COPY|RUN|ENV|USER|ENTRYPOINT) ' instructions >unknown || true
    [ ! -s unknown ] || die "unknown instructions: $(cat unknown)"
    sed -n 's/^RUN //p' instructions >run.sh
    [ -s run.sh ] || die "no commands"
    sh -n run.sh || die "not a command: $(cat run.sh)"
    awk '$1 == "COPY" && $2 !~ /[*]/ { print $2 }' instructions >copied
    while read -r name; do
        [ -e "$SOURCE/$name" ] || die "the image copies $name, which is not there"
    done <copied
    sed -n 's/^ENTRYPOINT //p' instructions | jq -r '.[0]' | holds -x /usr/local/bin/sign.sh || die "another command"
    # No PIN gets into a layer.
    lacks -i 'pin' <instructions || die "the image knows of a PIN"
}
