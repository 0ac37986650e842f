# SPDX-License-Identifier: Apache-2.0
# Programs of docs/programs.md that Debian 13 has, and Debian 12 has not, or not with this system's OpenSSL.
# shellcheck shell=bash

# systemd_program BLOCK: runs that block in Debian 13 with the programs' files, where boot.efi is systemd's boot loader
systemd_program() {
    [ -n "${HOME13:-}" ] || debian13
    tokens13
    server_files systemd-sbsign
    works13 'cp /usr/lib/systemd/boot/efi/systemd-bootx64.efi boot.efi; head -c 1000 /dev/zero >initrd; sed "s|file:.*|'"$WRONG_PIN"'|" openssl.cnf >wrong.cnf'
    documented "$1" >"$HOME13/commands"
    works13 ". ./commands"
}

scenario_debian13_programs_systemd_sbsign() {
    systemd_program systemd-sbsign
    works13 "OPENSSL_CONF=/dev/null sbverify --cert rsa.cert.pem signed.efi; OPENSSL_CONF=/dev/null refuses sbverify --cert ec256.cert.pem signed.efi"
    # All that systemd says.
    refused13 "Failed to load private key from pkcs11:token=scenarios;object=rsa;type=private: Input/output error" "OPENSSL_CONF=/srv/wrong.cnf; . ./commands"
}

# pcr_signature FILE: the policy and its signature in systemd-measure's JSON, which OpenSSL verifies
pcr_signature() {
    jq -r '.sha256[0].pol' "$1" | xxd -r -p >policy
    jq -r '.sha256[0].sig' "$1" | base64 -d >sig
    [ -s policy ] || die "no policy in $1"
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig policy >/dev/null
}

scenario_debian13_programs_ukify() {
    systemd_program ukify
    works13 "OPENSSL_CONF=/dev/null sbverify --cert rsa.cert.pem uki.efi"
    # The PCR signature is a section of the file.
    tr '\0' '\n' <"$HOME13/uki.efi" | grep -a -o '{"sha256": .*}\]}' >measured.json || die "no PCR signature"
    pcr_signature measured.json
}

scenario_debian13_programs_systemd_measure() {
    systemd_program systemd-measure
    pcr_signature "$HOME13/measured.json"
    refused13 "Input/output error" "OPENSSL_CONF=/srv/wrong.cnf; . ./commands"
}

scenario_debian13_programs_systemd_keyutil() {
    systemd_program systemd-keyutil
    grep -qx OK out13.txt || die "not OK: $(cat out13.txt)"
    refused13 "Input/output error" "OPENSSL_CONF=/srv/wrong.cnf; . ./commands"
}

# An image with a file system's hashes, and their root's signature, which is a PKCS#7 message about the hash as text.
scenario_debian13_programs_systemd_repart() {
    local kind
    debian13
    mkdir "$HOME13/partitions"
    for kind in root:data root-verity:hash root-verity-sig:signature; do
        printf '[Partition]\nType=%s\nVerity=%s\nVerityMatchKey=root\n' "${kind%:*}" "${kind#*:}" >"$HOME13/partitions/${kind%:*}.conf"
    done
    echo 'CopyBlocks=/srv/blocks' >>"$HOME13/partitions/root.conf"
    head -c 1048576 /dev/zero >"$HOME13/blocks"
    systemd_program systemd-repart
    grep -a -o '{"rootHash":[^}]*}' "$HOME13/disk.img" >verity.json || die "no signature in the image"
    jq -r .signature verity.json | base64 -d >verity.p7s
    jq -rj .rootHash verity.json >root-hash
    plain cms -verify -binary -inform DER -in verity.p7s -content root-hash -certfile "$HOME13/rsa.cert.pem" -CAfile "$HOME13/ca.pem" -purpose any -out /dev/null 2>/dev/null
}

# Node.js of other distributors has an OpenSSL of its own, which loads no providers.
scenario_debian13_programs_node() {
    local label
    debian13
    tokens13
    server_files node
    cp "$SOURCE"/examples/node/*.js data.bin "$HOME13"
    # The one line that Node.js needs more.
    sed 's/^openssl_conf = openssl_init/&\nnodejs_conf = openssl_init/' "$FILES/openssl.cnf" >"$FILES/node.cnf"
    grep -q '^nodejs_conf = openssl_init' "$SOURCE/openssl.cnf.sample" || die "the sample has no line for Node.js"
    refused13 "DECODER routines::unsupported" "node sign.js rsa.key.pem data.bin sig"
    # shellcheck disable=SC2034 # debian13.sh uses it
    ENV13=(OPENSSL_CONF=/srv/node.cnf)
    for label in rsa ec256; do
        works13 "node sign.js $label.key.pem data.bin $label.sig"
        proves $label "$HOME13/$label.sig"
    done
    on_debian node_serves
    sed '/^pkcs11-module-token-pin/d' "$FILES/node.cnf" >"$FILES/nopin.cnf"
    works13 "OPENSSL_CONF=/srv/nopin.cnf node sign.js rsa.key.pem data.bin pass.sig pin"
    proves rsa "$HOME13/pass.sig"
    refused13 "no PIN was given" "OPENSSL_CONF=/srv/nopin.cnf node sign.js rsa.key.pem data.bin sig"
}
node_serves() {
    start_program node tls_server.js "$PORT" rsa.cert.pem rsa.key.pem
    serves_rsa
    stop_program
    start_program node tls_server.js "$PORT" ec256.cert.pem ec256.key.pem
    serves_ec
    stop_program
}
