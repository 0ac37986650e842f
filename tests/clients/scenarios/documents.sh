# SPDX-License-Identifier: Apache-2.0
# The documents' own commands, as somebody pastes them who has installed the provider.
# shellcheck shell=bash

# blocks DOCUMENT LABEL: what stands in the blocks of that label, in order
blocks() { sed -n "/^\`\`\`$2\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$SOURCE/$1"; }

# only_blocks_of DOCUMENT LABEL...: a test runs those. "indented" stands for blocks without a fence.
only_blocks_of() {
    awk -v labels=" ${*:2} " '
        /^ *```/ { inside = !inside; label = substr($0, index($0, "```") + 3); if (inside && index(labels, " " label " ") == 0) print FILENAME ": " FNR ": " $0 }
        !inside && /^    / && index(labels, " indented ") == 0 { print FILENAME ": " FNR ": " $0 }' "$SOURCE/$1" >wrong
    [ ! -s wrong ] || die "blocks that no test runs: $(cat wrong)"
}

# tests_named_in DOCUMENT: each `ctest -R 'PATTERN'` fits a test of this build, if ctest is here
tests_named_in() {
    local patterns pattern
    if ! command -v ctest >/dev/null || [ ! -e "$PROVIDER_DIR/CTestTestfile.cmake" ]; then return 0; fi
    mapfile -t patterns < <(sed -nE "s/^ +ctest .*-R '([^']*)'.*/\1/p" "$SOURCE/$1")
    [ ${#patterns[@]} -gt 0 ] || die "$1 names no tests"
    for pattern in "${patterns[@]}"; do
        ctest --test-dir "$PROVIDER_DIR" -N -R "$pattern" | holds 'Total Tests: [1-9]' || die "$1 names tests that do not exist: $pattern"
    done
}

# Which blocks there are, and where they run. A block with another label has to get its test first.
scenario_documents_have_blocks_that_run() {
    local file label
    only_blocks_of docs/howto.md sh c                                 # here
    only_blocks_of docs/key-management.md sh                          # here
    only_blocks_of docs/troubleshooting.md sh indented                       # here
    only_blocks_of docs/osslsigncode.md sh signpath signpath-reference # here
    only_blocks_of docs/configuration.md openssl.cnf json logrotate   # here
    only_blocks_of docs/container-images.md console sh yaml           # container_images.sh
    only_blocks_of docs/observability.md sh sh-variables bpftrace perf # observability.sh
    only_blocks_of README.md indented                                 # sign.sh; scripts.sh has the quickstart
    # No commands or configuration, or those that build and test.
    for file in performance testing threat-model; do only_blocks_of docs/$file.md indented; done
    only_blocks_of CONTRIBUTING.md indented
    only_blocks_of docs/design.md mermaid
    for file in README migration recovery openssl-versions support upgrading; do only_blocks_of docs/$file.md; done
    only_blocks_of tests/fuzz/README.md indented
    for file in SECURITY tests/support/README; do only_blocks_of $file.md; done
    tests_named_in CONTRIBUTING.md
    # tokens*.sh, by token_core.sh
    only_blocks_of docs/tokens.md nss opencryptoki tpm2{,-environment} p11-kit-client{,-environment} p11-kit-remote pkcs11-proxy{,-environment} caml-crush{,-environment}
    # Those of servers.md have names, by which servers*.sh take them.
    mapfile -t labels < <(sed -n 's/^```\(..*\)$/\1/p' "$SOURCE/docs/servers.md")
    [ ${#labels[@]} -gt 10 ] || die "docs/servers.md has no blocks"
    only_blocks_of docs/servers.md "${labels[@]}"
    for label in "${labels[@]}"; do
        cat "$SOURCE"/tests/clients/scenarios/{servers*,documents}.sh | holds -E "(documented|block in) .*(\\b$label\\b|${label%-*}-.end)" || die "docs/servers.md has a block that no test runs: $label"
    done
    mapfile -t labels < <(sed -n 's/^```\(..*\)$/\1/p' "$SOURCE/docs/programs.md")
    [ ${#labels[@]} -gt 20 ] || die "docs/programs.md has no blocks"
    only_blocks_of docs/programs.md "${labels[@]}"
    for label in "${labels[@]}"; do
        cat "$SOURCE"/tests/clients/scenarios/programs*.sh | holds -E "(documented|documented_command|systemd_program) $label\\b" || die "docs/programs.md has a block that no test runs: $label"
    done
}

# Each row of docs/programs.md names its tests, and each test of programs*.sh has a row.
scenario_documents_programs_names_tests() {
    awk -F' [|]' '/^[|]/ && !/^[|]---/ && $(NF-1) !~ /^ (test|`clients[.].*`)$/ { print FILENAME ": " FNR ": " $(NF-1) }' "$SOURCE/docs/programs.md" >wrong
    [ ! -s wrong ] || die "rows without a test: $(cat wrong)"
    # shellcheck disable=SC2016 # backquotes of Markdown
    grep -oE '`clients\.[a-z0-9_]+`' "$SOURCE/docs/programs.md" | sed 's/^`clients\.//; s/`$//' | sort -u >named
    sed -n 's/^scenario_\([a-z0-9_]*\)() .*/\1/p' "$SOURCE"/tests/clients/scenarios/programs*.sh | sort -u >there
    [ "$(wc -l <there)" -gt 20 ] || die "no tests of programs"
    diff named there >wrong || die "docs/programs.md and the tests differ: $(cat wrong)"
}

# The tests that docs/migration.md names are in the sources, and each row names one or says "untested".
scenario_documents_migration_names_tests() {
    local name pattern
    awk -F' [|]' '/^[|]/ && !/^[|]---/ && $(NF-1) !~ /^ (test|untested|`.*`)$/ { print FILENAME ": " FNR ": " $(NF-1) }' "$SOURCE/docs/migration.md" >wrong
    # shellcheck disable=SC2016 # backquotes of Markdown
    grep -oE '`(integration|unit|clients|openssl35)\.[^`]+`' "$SOURCE/docs/migration.md" | tr -d '`' | sort -u >names
    [ "$(wc -l <names)" -gt 100 ] || die "docs/migration.md names few tests"
    # clang-format may break the line between the names
    cat "$SOURCE"/tests/{integration,unit}/*_test.cpp | tr -s '\n ' ' ' | grep -oE 'TEST(_F|_P)?\([A-Za-z0-9]+, [A-Za-z0-9]+\)' |
        sed -E 's/^TEST[_A-Z]*\((.*), (.*)\)/\1.\2/' | sort -u >tests
    sed -n 's/^\(scenario_[a-z0-9_]*\)() .*/\1/p' "$SOURCE"/tests/clients/scenarios/*.sh >scenarios
    while read -r name; do
        pattern=${name#*.}
        case $name in
        clients.* | openssl35.*) holds -E "^scenario_(openssl35_)?$pattern\$" <scenarios || echo "$name" ;;
        *) pattern=${pattern#\*} && pattern=${pattern#/} && holds -xF "${pattern%/\*}" <tests || echo "$name" ;;
        esac
    done <names >>wrong
    [ ! -s wrong ] || die "docs/migration.md has rows without a test, or tests that do not exist: $(cat wrong)"
}

# Each text that docs/troubleshooting.md says programs say is expected by one of their scenarios.
scenario_documents_troubleshooting_texts_of_programs() {
    local text
    # shellcheck disable=SC2016 # backquotes of Markdown
    sed -n '/^## What programs say/,/^## Make/p' "$SOURCE/docs/troubleshooting.md" | grep '^|' | cut -d'|' -f2 | grep -oE '`[^`]+`' | tr -d '`' | sort -u >texts
    [ "$(wc -l <texts)" -gt 20 ] || die "few texts"
    # Patterns have other characters where a text has a pattern's.
    cat "$SOURCE"/tests/clients/scenarios/programs*.sh | tr -d '\134' | sed 's/\.\*/ /g' >expected
    while read -r text; do
        case $text in CKR_*) continue ;; esac
        grep -qF -- "$text" expected || echo "$text"
    done <texts >wrong
    [ ! -s wrong ] || die "texts that no scenario expects: $(cat wrong)"
}

# All blocks of commands of a document, in order, in one shell, in an empty folder. OPENSSL_MODULES and PATH stand for what
# installing does; TLS has a network of its own, since the port is the document's.
document_runs() { # DOCUMENT
    objects_built
    built_keyprovider
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "the commands are run as they stand, without a sanitizer's runtime"; exit 77; }
    unshare --net true 2>/dev/null || { echo "there can be no network of its own here"; exit 77; }
    mkdir empty
    blocks "docs/$1" sh >commands
    [ -s commands ] || die "no blocks in $1"
    # shellcheck disable=SC2016 # the inner shell expands
    (cd empty && timeout 200 unshare --net env -i "PATH=$PROVIDER_DIR:$PATH" "HOME=$WORK/empty" "OPENSSL_MODULES=$PROVIDER_DIR" \
        "PKCS11_PROVIDER_MODULE=$PKCS11_PROVIDER_MODULE" sh -c 'ip link set lo up; exec bash -eux ../commands') >log 2>&1 </dev/null ||
        { cat log >&2; die "the blocks of $1"; }
    lacks -i 'PIN-VALUE=' <log || die "a PIN is told"
}

scenario_documents_howto() {
    document_runs howto.md
    plain dgst -sha256 -verify empty/public.pem -signature empty/file.sig empty/file | holds 'Verified OK' || die "the signature"
    plain verify -CAfile empty/ca.pem empty/leaf.pem empty/leaf2.pem >verified || die "the certificates: $(cat verified)"
    plain x509 -in empty/ca.pem -noout -ext basicConstraints | holds 'CA:TRUE' || die "the CA's certificate has no extensions"
}

scenario_documents_key_management() {
    document_runs key-management.md
    plain req -in empty/request.pem -verify -noout 2>&1 | holds 'OK' || die "the request"
    plain x509 -in empty/cert.pem -noout -pubkey >cert.pub
    plain dgst -sha256 -verify cert.pub -signature <(cd empty && SOFTHSM2_CONF=softhsm2.conf openssl dgst "${PROV[@]}" -sha256 -sign key.pem -passin file:pin ../data.bin) data.bin |
        holds 'Verified OK' || die "the key"
}

# The debug log that troubleshooting begins with.
scenario_documents_troubleshooting() {
    document_runs troubleshooting.md
    holds 'C_GetTokenInfo' <empty/log.txt || die "no calls in the log: $(cat empty/log.txt)"
    ! mentions_pin empty/log.txt || die "a PIN is in the log"
}

# The random numbers' configuration, in the place of the same sections of the sample.
scenario_documents_configuration() {
    counted_module
    blocks docs/configuration.md openssl.cnf >block
    { echo 'openssl_conf = openssl_init' && cat block && printf '[provider_section]\ndefault = default_section\npkcs11 = pkcs11_section\n[default_section]\nactivate = 1\n[pkcs11_section]\nactivate = 1\nmodule = %s\npkcs11-random-token = pkcs11:token=scenarios\n' "$PROVIDER"; } >random.cnf
    OPENSSL_CONF=$WORK/random.cnf takes_numbers openssl rand
}

# The line has the members that a line has, and logrotate moves the file while a program signs.
scenario_documents_audit_log() {
    command -v logrotate >/dev/null || { echo "logrotate is not installed"; exit 77; }
    [ "$(id -u)" = 0 ] || { echo "logrotate gives the file to another user"; exit 77; }
    local log=/var/log/pkcs11-audit.json
    configuration "pkcs11-audit-log = file:$WORK/audit.json"
    clean openssl dgst -sha256 -sign "$(uri ec256)" -out sig data.bin
    blocks docs/configuration.md json | jq -e 'keys_unsorted, (.token, .user, .hash | keys_unsorted)' >documented
    jq -e 'keys_unsorted, (.token, .user, .hash | keys_unsorted)' audit.json >there
    cmp documented there || die "the document's line is another: $(cat audit.json)"
    blocks docs/configuration.md logrotate | sed "s|^$log |$WORK/audit.json |" >rotation
    grep -q "^$WORK/audit.json {" rotation || die "the document names another file"
    chmod 644 rotation
    mkfifo later.fifo
    { openssl dgst "${PROV[@]:2}" -sha256 -sign "$(uri ec256)" -out sig - <later.fifo || echo failed >status; } &
    exec 9>later.fifo
    echo data >&9
    logrotate -f -s "$WORK/state" rotation || die "logrotate"
    exec 9>&-
    wait
    [ ! -e status ] || die "the signature"
    [ "$(wc -l <audit.json.1) $(wc -l <audit.json)" = "1 1" ] || die "the lines: $(cat audit.json.1 audit.json)"
    [ "$(stat -c '%a %U %G' audit.json)" = "620 root www-data" ] || die "the new file: $(stat -c '%a %U %G' audit.json)"
}

# The program in C: the token makes the key, and OpenSC decrypts with it what the program gave.
scenario_documents_howto_c() {
    pkg-config --exists 'libcrypto >= 3.5' || { echo "EVP_SKEY came with OpenSSL 3.5"; exit 77; }
    local where="pkcs11:token=scenarios;object=backup;id=%5B?pin-value=$PIN" status=0
    blocks docs/howto.md c >encrypt.c
    # shellcheck disable=SC2046 # the flags are words
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror -o encrypt encrypt.c $(pkg-config --cflags --libs libcrypto) || die "the program does not compile"
    configuration "pkcs11-symmetric-keys = 1"
    head -c 1000 data.bin >message
    timeout "$PATIENCE" "${RUNNER[@]}" ./encrypt "$where" <message >encrypted 2>log || { cat log >&2; die "the program"; }
    tail -c +17 encrypted >ciphertext
    pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" --decrypt --mechanism AES-CBC-PAD --id 5B \
        --iv "$(head -c 16 encrypted | xxd -p)" --input-file ciphertext --output-file decrypted >log 2>&1 || { cat log >&2; die "pkcs11-tool"; }
    cmp message decrypted || die "OpenSC decrypts something else"
    timeout "$PATIENCE" "${RUNNER[@]}" ./encrypt "pkcs11:token=scenarios;object=other?pin-value=$WRONG_PIN" <message >encrypted 2>log || status=$?
    [ "$status" != 0 ] || die "a wrong PIN is taken"
    own_error "$status" log || die "the program ended with status $status"
    holds CKR_PIN_INCORRECT <log || { cat log >&2; die "the program does not say why"; }
}

# newest_osslsigncode: HOME13/bin/osslsigncode is that of Debian unstable
newest_osslsigncode() {
    local libraries
    libraries=$(cd "$ROOT13" && echo opt/osslsigncode/usr/lib/*/libcrypto.so.3)
    [ -e "$ROOT13/$libraries" ] || { echo "the mirror has no newer osslsigncode; see clients.debian13_root"; exit 77; }
    mkdir "$HOME13/bin"
    printf '#!/bin/sh\nLD_LIBRARY_PATH=/%s exec /opt/osslsigncode/usr/bin/osslsigncode "$@"\n' "$(dirname "$libraries")" >"$HOME13/bin/osslsigncode"
    chmod +x "$HOME13/bin/osslsigncode"
    in13 "bin/osslsigncode --version" || { cat out13.txt; echo "that osslsigncode does not run in Debian 13"; exit 77; }
}

scenario_debian13_documents_osslsigncode() {
    debian13
    newest_osslsigncode
    authenticode_files
    cp program.exe "$HOME13"
    blocks docs/osslsigncode.md sh >"$HOME13/commands"
    # shellcheck disable=SC2016 # the inner shell expands
    works13 'PATH=/srv/bin:$PATH; . ./commands'
    cp "$HOME13/root.pem" .
    local file
    for file in signed with-uri attached; do authentic "$HOME13/$file.exe" sha256; done
    for file in stamped signed-and-stamped; do authentic "$HOME13/$file.exe" sha256 1 1; done

    # The guide's token, whose PIN is CONFIG; the command line as it stands, with a link, and with a reference.
    for file in signpath signpath-reference; do blocks docs/osslsigncode.md $file >"$HOME13/$file"; done
    # shellcheck disable=SC2016 # the inner shell expands
    works13 'PATH=/srv/bin:$PATH
        mkdir modules guide; ln -s /mnt/pkcs11.so modules/pkcs11prov.so; ln -s /mnt/pkcs11.so modules; cd guide
        echo "directories.tokendir = $PWD" >softhsm2.conf
        export SOFTHSM2_CONF=$PWD/softhsm2.conf LibSignPathCryptokiPath=/usr/lib/softhsm/libsofthsm2.so ProjectSlug=project SigningPolicySlug=policy
        softhsm2-util --init-token --free --label guide --pin CONFIG --so-pin CONFIG
        pkcs11-tool --module $LibSignPathCryptokiPath --login --pin CONFIG --keypairgen --key-type rsa:2048 --id 70726f6a6563742f706f6c696379 --usage-sign
        cp ../program.exe sample.exe
        export OPENSSL_MODULES=/srv/modules
        openssl req -provider pkcs11 -provider default -x509 -new -key "pkcs11:id=project/policy;type=private?pin-value=CONFIG" -subj /CN=guide -days 5 -out certificate.pem
        . ../signpath; mv sample.signed.exe ../guide.exe
        export OPENSSL_CONF=/srv/provider.cnf; . ../signpath-reference; mv sample.signed.exe ../reference.exe'
    cp "$HOME13/guide/certificate.pem" root.pem
    for file in guide reference; do authentic "$HOME13/$file.exe" sha256; done
}

# The sample keeps what the system's configuration says: a CA that is made with it has a CA's extensions.
scenario_documents_sample_configuration() {
    [ -e /etc/ssl/openssl.cnf ] || { echo "the system's configuration is elsewhere"; exit 77; }
    sed -e "s|^# *module = .*|module = $PROVIDER|" "$SOURCE/openssl.cnf.sample" >my.cnf
    blocks docs/servers.md openssl.cnf | sed "s|^\[pkcs11_section\]|&\nmodule = $PROVIDER|; s|/etc/hsm|$WORK|; s|^pkcs11-module-path.*|pkcs11-module-path = $PKCS11_PROVIDER_MODULE|" >servers.cnf
    echo "$PIN" >pin
    chmod 600 pin
    local file
    for file in my servers; do
        OPENSSL_CONF=$WORK/$file.cnf clean openssl req -new -x509 -key "$(uri rsa)" -subj /CN=ca -days 3 -out ca.pem
        plain x509 -in ca.pem -noout -ext basicConstraints | holds 'CA:TRUE' || die "$file.cnf makes a CA without extensions"
        OPENSSL_CONF=$WORK/$file.cnf clean openssl list -providers >providers
        if ! holds default <providers || ! holds pkcs11 <providers; then die "$file.cnf: $(cat providers)"; fi
    done
}

# The newest section of CHANGELOG.md has CMake's version, and the sections are those of Keep a Changelog.
scenario_documents_release() {
    local version
    version=$(sed -nE 's/^project\(.* VERSION ([0-9.]+) .*/\1/p' "$SOURCE/CMakeLists.txt")
    sed -n 's/^## //p' "$SOURCE/CHANGELOG.md" >sections
    [ "$(sed -n 1p sections)" = '[Unreleased]' ] || die "the first section is not [Unreleased]: $(cat sections)"
    sed -n 2p sections | holds -xE "\[${version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}" || die "the second section is not that of $version: $(cat sections)"
    sed -n '2,$p' sections | lacks -vE '^\[[0-9]+\.[0-9]+\.[0-9]+\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$' || die "a section without a version or a date: $(cat sections)"
    sed -n 's/^### //p' "$SOURCE/CHANGELOG.md" | lacks -vxE 'Added|Changed|Deprecated|Removed|Fixed|Security' || die "a group that Keep a Changelog does not have"
    # No other place has a version of its own. Upgrade notes name the old ones.
    git -C "$SOURCE" ls-files '*.md' '*.sh' '*.txt' '*.cmake' packaging 2>/dev/null >files || find "$SOURCE/docs" "$SOURCE/README.md" -name '*.md' -printf '%P\n' >files
    grep -vE '^(CHANGELOG|docs/upgrading)\.md$|^tests/' files | (cd "$SOURCE" && xargs grep -nE "openssl-pkcs11[_-][0-9]+\.[0-9]|\b0\.1\.0\b") >versions || true
    [ ! -s versions ] || die "versions outside of CMakeLists.txt: $(cat versions)"
    holds "^## From [0-9.]* to $version\$" <"$SOURCE/docs/upgrading.md" || die "docs/upgrading.md does not come to $version"
}

# docs/support.md says what CMake asks for and what CI tests, and upgrading.md names directives that there are.
scenario_documents_support() {
    local image directive
    while read -r image; do
        holds -i "^| ${image/:/ }" <"$SOURCE/docs/support.md" || die "docs/support.md does not name $image, which CI tests"
    done < <(grep -ohE '"(debian|ubuntu|fedora):[a-z0-9.]+"' "$SOURCE"/.github/workflows/ci.yml | tr -d '"' | sed 's/:sid/ sid/; s/:experimental/ sid with experimental/; s/:latest/, newest/' | sort -u)
    holds -E "CMake $(sed -nE 's/^cmake_minimum_required\(VERSION ([0-9.]+)\)/\1/p' "$SOURCE/CMakeLists.txt"), .*C\+\+20, OpenSSL $(sed -nE 's/.*libcrypto>=([0-9.]+).*/\1/p' "$SOURCE/CMakeLists.txt") and p11-kit $(sed -nE 's/.*p11-kit-1>=([0-9.]+).*/\1/p' "$SOURCE/CMakeLists.txt")\." <"$SOURCE/docs/support.md" || die "docs/support.md: other requirements than CMake's"
    # shellcheck disable=SC2016 # backquotes of Markdown
    grep -ohE '`pkcs11-(module-|allow|async|pss|random|digest|symmetric|replica)[a-z-]+' "$SOURCE/docs/upgrading.md" | tr -d '`' | sort -u >named
    [ "$(wc -l <named)" -gt 10 ] || die "few directives in docs/upgrading.md"
    while read -r directive; do
        holds "^| .*\`$directive\`" <"$SOURCE/docs/configuration.md" || die "docs/upgrading.md names $directive, which docs/configuration.md does not have"
    done <named
}
