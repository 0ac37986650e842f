# SPDX-License-Identifier: Apache-2.0
# The package, in a system that has nothing else of this project.
# shellcheck shell=bash

# in_clean_root COMMAND...: in the copy of the clean root, where SoftHSM has a folder of its own
in_clean_root() {
    in_root "$WORK/root" -- HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive timeout 300 "$@" >clean.txt 2>&1 ||
        { cat clean.txt >&2; die "in the clean root: $*"; }
}

# from_mirror COMMAND...: apt-get there, which fetches and does nothing else. What a mirror fails to give is no fault of ours.
from_mirror() {
    for _ in 1 2 3; do
        ! in_root "$WORK/root" -- LC_ALL=C.UTF-8 timeout 100 apt-get -q -o Acquire::http::Timeout=30 "$@" >clean.txt 2>&1 || return 0
    done
    cat clean.txt
    echo "the network or the mirror does not give it: apt-get $*"
    exit 77
}

scenario_package_in_a_clean_root() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "a build with sanitizers is no package"; exit 77; }
    local package tool tools page lines install base=$SOURCE/build/clean key='pkcs11:token=demo;object=release-key;type=private?pin-value=1234'
    [ -e "$base/complete" ] || { echo "there is no clean Debian root; see clients.clean_root"; exit 77; }
    unshare --mount true 2>/dev/null || { echo "nothing can be mounted here"; exit 77; }
    (cd "$PROVIDER_DIR" && cpack --config CPackConfig.cmake -G DEB -B "$WORK/package") >cpack.log 2>&1 || { cat cpack.log >&2; die "cpack"; }
    package=$(echo package/openssl-pkcs11_*.deb)
    dpkg-deb --field "$package" Depends | holds libp11-kit0 || die "the package does not depend on p11-kit"
    cp -a "$base" root
    cp "$package" root/package.deb
    install=(install -y --no-install-recommends /package.deb openssl softhsm2 opensc)
    from_mirror update -o APT::Update::Error-Mode=any
    # What it depends on exists.
    in_clean_root apt-get -q --simulate "${install[@]}"
    from_mirror --download-only "${install[@]}"
    in_clean_root apt-get -q "${install[@]}"
    # What a new user does.
    in_clean_root softhsm2-util --init-token --free --label demo --pin 1234 --so-pin 1234
    in_clean_root pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label demo --login --pin 1234 --keypairgen --key-type rsa:2048 --label release-key --id 01
    in_clean_root pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label demo --read-object --type pubkey --label release-key -o /pub.der
    cp data.bin root/data.bin
    in_clean_root openssl dgst -provider pkcs11 -provider default -sha256 -sign "$key" -out /sig /data.bin
    plain dgst -sha256 -verify root/pub.der -keyform DER -signature root/sig data.bin >/dev/null
    # The three lines of the README. The PIN comes from the environment, for there is no terminal.
    mapfile -t lines < <(sed -n '/^## Start with the package/,/^## /{s/^    \(sudo \)\?//p}' "$SOURCE/README.md")
    [ ${#lines[@]} = 3 ] || die "the README has not three lines: ${lines[*]}"
    cp "$package" root
    in_clean_root sh -c "${lines[0]}"
    # The doctor warns, since no configuration names the provider.
    in_clean_root env PKCS11_PIN=1234 sh -c "${lines[1]}
        [ \$? = 1 ]"
    holds 'signature .*was made, and verified in software' <clean.txt || die "the doctor: $(cat clean.txt)"
    in_clean_root env PKCS11_PIN=1234 sh -c "${lines[2]}"
    plain dgst -sha256 -verify root/pub.der -keyform DER -signature root/tmp/file.sig root/etc/hosts >/dev/null
    # By configuration, with the sample that the package brings.
    rm root/sig
    in_clean_root env OPENSSL_CONF=/usr/share/doc/openssl-pkcs11/openssl.cnf.sample openssl dgst -sha256 -sign "$key" -out /sig /data.bin
    plain dgst -sha256 -verify root/pub.der -keyform DER -signature root/sig data.bin >/dev/null
    # The tools, their pages and their completion.
    read -ra tools <<<"$(sed -n 's/^complete -F _openssl_pkcs11_tool //p' "$SOURCE/packaging/completion.bash" | tr '\n' ' ')"
    for tool in "${tools[@]}"; do
        in_clean_root "$tool" --version
        gzip -dc "root/usr/share/man/man1/$tool.1.gz" | holds "^.SH OPTIONS" || die "no page for $tool"
        [ -e "root/usr/share/bash-completion/completions/$tool" ] || die "no completion for $tool"
    done
    gzip -dc root/usr/share/man/man7/provider-pkcs11.7.gz | holds "pkcs11.module.path" || die "provider-pkcs11(7) does not tell the directives"
    for page in openssl-pkcs11 pkcs11; do
        [ "$(cat "root/usr/share/man/man7/$page.7")" = ".so man7/provider-pkcs11.7" ] || die "man $page does not find the page"
    done
    is_sbom root/usr/share/doc/openssl-pkcs11/openssl-pkcs11.spdx.json
    for page in copyright changelog.gz; do [ -s "root/usr/share/doc/openssl-pkcs11/$page" ] || die "no $page"; done
    # It goes without a trace.
    in_clean_root apt-get purge -y -q openssl-pkcs11
    if find root/usr root/etc | grep -E 'pkcs11-(keyprovider|uri2pem|objects)|(provider|openssl)-pkcs11|/pkcs11\.(so|7)$' >left; then
        cat left >&2
        die "the package leaves something behind"
    fi
}

# Bash completes what --help tells.
scenario_package_completion() {
    [ -e /usr/share/bash-completion/bash_completion ] || { echo "bash-completion is not installed"; exit 77; }
    built_keyprovider
    PATH=$PROVIDER_DIR:$PATH bash -c '
        . /usr/share/bash-completion/bash_completion
        . "$1/packaging/completion.bash"
        complete_line() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}; COMPREPLY=(); _openssl_pkcs11_tool "$1"; printf "%s\n" "${COMPREPLY[@]}" | sort | paste -s -d " "; }
        complete_line pkcs11-keyprovider un
        complete_line pkcs11-keyprovider --rec
        complete_line pkcs11-keyprovider unwrap --li
        touch delete.pem
        complete_line pkcs11-objects d
        complete_line pkcs11-objects --provider-path d
        complete_line pkcs11-objects import-key d
        complete_line pkcs11-uri2pem -o delete
        complete_line pkcs11-objects sh
        complete_line pkcs11-doctor --ti
    ' bash "$SOURCE" >completed
    printf 'unwrap\n--recipient\n--lines\ndelete\ndata.bin delete delete.pem\ndata.bin delete.pem\ndelete.pem\nshow\n--time\n' | diff - completed || die "completion"
}

# The pages as they are read: headings for commands, no headers of tables, words with their underscores.
scenario_package_pages() {
    [ -e "$PROVIDER_DIR/packaging/provider-pkcs11.7" ] || { echo "help2man or lowdown is not installed"; exit 77; }
    local page
    for page in "$PROVIDER_DIR"/packaging/*.1; do
        lacks -iE '^(\.SS "?)?(positionals|subcommands|options):' <"$page" || die "CLI11's headings are text in $page"
    done
    for page in import-key import-certificate delete list show; do
        holds "^\\.SS ${page/-/.*}\$" <"$PROVIDER_DIR/packaging/pkcs11-objects.1" || die "no heading for $page"
    done
    page=$PROVIDER_DIR/packaging/provider-pkcs11.7
    holds 'EVP_EncryptInit' <"$page" || die "underscores are missing"
    lacks -x 'call\|directive\|variable' <"$page" || die "the header of a table"
    holds 'docs/howto.md' <"$page" || die "no path of a document"
}

# Each program and the provider tell their version, the commit, and the libraries' versions.
scenario_package_versions() {
    local tool version commit='(unknown|[0-9a-f]{12}(-dirty)?)' built
    version=$(sed -nE 's/^project\(.* VERSION ([0-9.]+) .*/\1/p' "$SOURCE/CMakeLists.txt")
    built="OpenSSL $(pkg-config --modversion libcrypto), p11-kit $(pkg-config --modversion p11-kit-1)"
    for tool in ${DOCTOR:+"$DOCTOR"} ${OBJECTS:+"$OBJECTS"} ${KEYPROVIDER:+"$KEYPROVIDER"} ${URI2PEM:+"$URI2PEM"}; do
        clean "$tool" --version >said
        [ "$(wc -l <said)" = 3 ] || die "not three lines: $(cat said)"
        sed -n 1p said | holds -xE "$(basename "$tool") $version \(commit $commit\)" || die "version and commit: $(cat said)"
        sed -n 2p said | holds -xF "built with $built" || die "what it was built with: $(cat said)"
        sed -n 3p said | holds -xF "runs with $(openssl version | sed 's/ (Library:.*//')" || die "what it runs with: $(cat said)"
    done
    clean openssl list -providers -verbose -provider-path "$PROVIDER_DIR" -provider pkcs11 >said
    holds -xE " *version: $version" <said || die "the provider's version: $(cat said)"
    holds -xE " *build info: $version, commit $commit, built with $built" <said || die "the provider's build: $(cat said)"
    # One commit for all that was built, which git knows if it was built from a repository.
    [ -z "${DOCTOR:-}" ] || holds -F "$("$DOCTOR" --version | sed -n 's/.*(\(commit .*\))/\1/p')," <said || die "the commits differ: $(cat said)"
    built=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$PROVIDER_DIR/CMakeCache.txt")
    if [ -e "$built/.git" ] && git -C "$built" rev-parse HEAD >/dev/null 2>&1; then
        git -C "$built" cat-file -e "$(sed -nE 's/.*commit ([0-9a-f]{12}).*/\1/p' said)^{commit}" || die "git does not know the commit: $(cat said)"
    fi
}

# Where the commit comes from: git, a file in an archive, or nowhere. The header is written only for another commit.
scenario_package_commit() {
    commit_header() { # FOLDER
        cmake "-DSOURCE=$WORK/$1" "-DTEMPLATE=$SOURCE/cmake/commit.h.in" "-DOUTPUT=$WORK/$1.h" -P "$SOURCE/cmake/write_commit.cmake" >log 2>&1 || die "cmake: $(cat log)"
        sed -n 's/^#define PKCS11_COMMIT "\(.*\)"/\1/p' "$1.h"
    }
    git_there() { git -C repository -c user.name=somebody -c user.email=somebody@localhost "$@" >log 2>&1 || die "git $*: $(cat log)"; }
    local head
    mkdir -p repository/{cmake,inside/cmake}
    cp "$SOURCE/cmake/commit.txt" repository/cmake
    cp "$SOURCE/cmake/commit.txt" repository/inside/cmake
    cp "$SOURCE/.gitattributes" repository
    git_there init
    git_there add .
    git_there commit -m first
    head=$(git -C repository rev-parse HEAD)
    [ "$(commit_header repository)" = "${head:0:12}" ] || die "not git's commit: $(cat repository.h)"
    touch -d @1000000000 repository.h
    commit_header repository >/dev/null
    [ "$(stat -c %Y repository.h)" = 1000000000 ] || die "the header is written again"
    echo changed >>repository/.gitattributes
    [ "$(commit_header repository)" = "${head:0:12}-dirty" ] || die "a change is not told: $(cat repository.h)"
    # A folder in another project's repository is not that project.
    [ "$(commit_header repository/inside)" = unknown ] || die "another repository's commit: $(cat repository/inside.h)"
    mkdir archive
    git -C repository archive HEAD | tar -x -C archive
    [ "$(commit_header archive)" = "${head:0:12}" ] || die "not the archive's commit: $(cat archive.h)"
}

# is_sbom FILE: has what SPDX 2.3 asks for (chapters 6, 7 and 11), and every reference leads to a package of the file
is_sbom() {
    jq -e '
        (.spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT" and (.name | length > 0)) and
        (.documentNamespace | test("^https://[^#]+$")) and
        (.creationInfo.created | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")) and
        (.creationInfo.creators | length > 0 and all(test("^(Person|Organization|Tool): "))) and
        ([.packages[].SPDXID] | length > 0 and (unique | length) == length and all(test("^SPDXRef-[a-zA-Z0-9.-]+$"))) and
        (.packages | all((.name | length > 0) and (.downloadLocation | length > 0) and .filesAnalyzed == false and
            (.versionInfo | length > 0) and (.licenseDeclared | length > 0) and (.copyrightText | length > 0) and
            (.externalRefs | all(.referenceType == "purl" and (.referenceLocator | test("^pkg:[a-z]+/[A-Za-z0-9.%-]+(@[A-Za-z0-9.+~:-]+)?$")))))) and
        ([.SPDXID, .packages[].SPDXID] as $known | .relationships | all((.spdxElementId | IN($known[])) and (.relatedSpdxElement | IN($known[])))) and
        ([.relationships[] | select(.relationshipType == "DESCRIBES")] | length == 1)' "$1" >/dev/null || { cat "$1" >&2; die "$1 is no SPDX 2.3"; }
}

# The list of what is linked: valid, complete, with the right versions, and the same if it is made again.
scenario_package_sbom() {
    command -v jq cmake >/dev/null || { echo "jq or cmake is not installed"; exit 77; }
    local list=$PROVIDER_DIR/openssl-pkcs11.spdx.json library name
    is_sbom "$list"
    # version_of NAME [LINK]
    version_of() { jq -r --arg name "$1" --arg link "${2:-DYNAMIC_LINK}" '. as $all | .packages[] | select(.name == $name and (.SPDXID | IN($all.relationships[] | select(.relationshipType == $link).relatedSpdxElement))).versionInfo' "$list"; }
    [ "$(version_of openssl-pkcs11 DESCRIBES)" = "$(sed -nE 's/^project\(.* VERSION ([0-9.]+) .*/\1/p' "$SOURCE/CMakeLists.txt")" ] || die "the project's version"
    [ "$(version_of openssl)" = "$(pkg-config --modversion libcrypto)" ] || die "OpenSSL's version"
    [ "$(version_of p11-kit)" = "$(pkg-config --modversion p11-kit-1)" ] || die "p11-kit's version"
    # What the files need, as the linker recorded it. The sanitizers' libraries are not in a package.
    objdump -p "$PROVIDER" ${DOCTOR:+"$DOCTOR"} ${KEYPROVIDER:+"$KEYPROVIDER"} | sed -n 's/^ *NEEDED *//p' | grep -v 'lib[at]san\|libubsan' | sort -u >needed
    holds libcrypto <needed || die "what the files need: $(cat needed)"
    while read -r library; do
        case $library in
        libcrypto.so*) name=openssl ;;
        libp11-kit.so*) name=p11-kit ;;
        libstdc++.so*) name=libstdc++ ;;
        libgcc_s.so*) name=libgcc ;;
        libyaml-cpp.so*) name=yaml-cpp ;;
        libc.so* | libm.so* | ld-linux*) name=glibc ;;
        *) die "a library that is not in the list: $library" ;;
        esac
        [ -n "$(version_of $name)" ] || die "the list has no $name, which $library is from"
    done <needed
    if [ -n "${DOCTOR:-}" ]; then
        for name in CLI11 nlohmann-json; do [ -n "$(version_of $name STATIC_LINK)" ] || die "no $name"; done
        [ -n "$(version_of yaml-cpp STATIC_LINK)$(version_of yaml-cpp)" ] || die "no yaml-cpp"
    fi
    # The same source and time give the same file, and another commit another namespace.
    mkdir -p source/cmake
    for name in 1 2 3; do
        echo "${name/2/1}234567890123456789012345678901234567890 1795000000" >source/cmake/commit.txt
        cmake -DSOURCE="$WORK/source" -DVERSION=1.2.3 -DDEPENDENCIES="$PROVIDER_DIR/packaging/sbom_dependencies.txt" -DOUTPUT="$WORK/$name.json" -P "$SOURCE/cmake/write_sbom.cmake" >log 2>&1 || die "cmake: $(cat log)"
        is_sbom $name.json
    done
    cmp 1.json 2.json || die "it is not the same"
    [ "$(jq -r .creationInfo.created 1.json)" = "$(date -u -d @1795000000 +%FT%TZ)" ] || die "the time: $(cat 1.json)"
    [ "$(jq -r .documentNamespace 1.json)" != "$(jq -r .documentNamespace 3.json)" ] || die "two documents of one name"
}

# source_package: unpacks the source package into source/, without its top folder
source_package() {
    if [ ! -e "$SOURCE/.git" ] || ! git -C "$SOURCE" rev-parse HEAD >head.txt 2>&1; then echo "this is no git repository"; exit 77; fi
    (cd "$PROVIDER_DIR" && cpack --config CPackSourceConfig.cmake -G TGZ -B "$WORK/package") >log 2>&1 || { cat log >&2; die "cpack"; }
    mkdir source
    tar -xzf package/openssl-pkcs11-*.tar.gz -C source --strip-components 1
}

# The source package: the files of the commit, no more, and they can be configured without git.
scenario_package_source() {
    source_package
    [[ $(echo package/*.tar.gz) =~ ^package/openssl-pkcs11-[0-9.]+\.tar\.gz$ ]] || die "its name: $(ls package)"
    tar -tzf package/*.tar.gz | lacks -vE '^openssl-pkcs11-[0-9.]+/' || die "files outside of the top folder"
    { git -C "$SOURCE" ls-tree -r --name-only HEAD && echo openssl-pkcs11.spdx.json; } | sort >wanted
    (cd source && find . ! -type d -printf '%P\n') | sort | diff wanted - || die "other files than git's"
    is_sbom source/openssl-pkcs11.spdx.json
    mkdir archive
    git -C "$SOURCE" archive HEAD | tar -x -C archive
    diff -r --exclude openssl-pkcs11.spdx.json archive source || die "files that differ from git's"
    cmake -S source -B configured -DPKCS11_BUILD_TESTS=OFF -DPKCS11_BUILD_BENCH=OFF -DPKCS11_BUILD_TOOLS=OFF >log 2>&1 || { cat log >&2; die "cmake"; }
    holds "\"$(cut -c 1-12 head.txt)\"" <configured/generated/commit.h || die "another commit: $(cat configured/generated/commit.h)"
    jq -e --arg commit "commit $(cut -c 1-12 head.txt)" '.packages[0].comment == $commit' source/openssl-pkcs11.spdx.json >/dev/null || die "the list names another commit"
}

# Nightly: the provider that is built from it signs.
scenario_package_source_builds() {
    source_package
    cmake -S source -B built -G Ninja -DPKCS11_BUILD_TESTS=OFF -DPKCS11_BUILD_BENCH=OFF -DPKCS11_BUILD_TOOLS=OFF >log 2>&1 || { cat log >&2; die "cmake"; }
    timeout 500 cmake --build built --target provider >log 2>&1 || { tail log >&2; die "the build"; }
    # shellcheck disable=SC2034 # ossl reads it
    PROV=(-provider-path "$WORK/built" -provider pkcs11 -provider default)
    ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    ossl list -providers -verbose | holds "commit $(cut -c 1-12 head.txt), built with" || die "another commit"
}
