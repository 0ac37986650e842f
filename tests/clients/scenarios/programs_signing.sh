# SPDX-License-Identifier: Apache-2.0
# Programs of docs/programs.md that sign files. Their own verifiers run without the provider, or OpenSSL verifies.
# shellcheck shell=bash

# documented_command BLOCK: its commands, which must end with 0
documented_command() {
    documented "$1" >"$1.command"
    succeeds bash -e "$1.command"
}

# efi_program: boot.efi, the program that osslsigncode's tests compile
efi_program() {
    command -v x86_64-w64-mingw32-gcc >/dev/null || { echo "there is no compiler for Windows"; exit 77; }
    echo 'int start(void) { return 0; }' | x86_64-w64-mingw32-gcc -nostdlib -Wl,--subsystem,10 -e start -x c - -o boot.efi || die "boot.efi"
}

scenario_programs_sbsign() {
    programs_files sbsign
    efi_program
    documented_command sbsign
    with_software sbverify --cert rsa.cert.pem signed.efi >verified 2>&1 || { cat verified >&2; die "sbverify"; }
    refuses with_software sbverify --cert ec256.cert.pem signed.efi >verified 2>&1
    wrongly says "the PIN was refused.*CKR_PIN_INCORRECT" sbsign --key rsa.key.pem --cert rsa.cert.pem --output signed.efi boot.efi
    says "No such file" sbsign --key "$URI" --cert rsa.cert.pem --output signed.efi boot.efi
}

# kernel_signature FILE: takes it apart as the kernel does, and OpenSSL verifies it
kernel_signature() {
    local size length
    [ "$(tail -c 28 "$1")" = "~Module signature appended~" ] || die "no signature in $1"
    size=$(stat -c %s "$1")
    length=$((16#$(tail -c 32 "$1" | head -c 4 | xxd -p)))
    tail -c $((length + 40)) "$1" | head -c "$length" >signature.p7s
    head -c $((size - length - 40)) "$1" >signed
    cmp signed data.bin
    plain cms -verify -binary -inform DER -in signature.p7s -content data.bin -certfile rsa.cert.pem -CAfile ca.pem -purpose any -out /dev/null 2>/dev/null
}
scenario_programs_sign_file() {
    local program
    programs_files openssl
    program=$(first_file '/usr/lib/linux-kbuild-*/scripts/sign-file') || { echo "the kernel's sign-file is not installed"; exit 77; }
    documented sign-file | sed "s|/usr/lib/linux-kbuild[^ ]*|$program|" >commands
    cp data.bin module.ko
    succeeds bash -e commands
    kernel_signature module.ko
    cp data.bin module.ko
    KBUILD_SIGN_PIN=$PIN without_pin succeeds bash -e commands
    kernel_signature module.ko
    cp data.bin module.ko
    succeeds "$program" sha256 "$URI" rsa.cert.pem module.ko
    kernel_signature module.ko
    wrongly says "pkcs11::the PIN was refused" "$program" sha256 rsa.key.pem rsa.cert.pem module.ko
}

scenario_programs_evmctl() {
    programs_files evmctl
    cp data.bin file
    plain x509 -in rsa.cert.pem -outform DER -out rsa.der
    documented_command evmctl
    with_software evmctl ima_verify --sigfile --key rsa.der file 2>&1 | holds 'verification is OK' || die "evmctl does not verify"
    rm file.sig
    without_pin succeeds evmctl ima_sign --pass="$PIN" --sigfile -a sha256 --key rsa.key.pem file
    with_software evmctl ima_verify --sigfile --key rsa.der file 2>&1 | holds 'verification is OK' || die "evmctl does not verify"
    # Its status is 125, as a crash's might be.
    # shellcheck disable=SC2016 # the inner shell expands
    wrongly says "pkcs11::the PIN was refused" sh -c '"$@" || exit 1' sh evmctl ima_sign --sigfile -a sha256 --key rsa.key.pem file
    # URIs go to engines, and the status is 0 without a signature.
    rm file.sig
    evmctl ima_sign --sigfile -a sha256 --key "$URI" file >said.txt 2>&1 || true
    grep -q "engine .*isn't available" said.txt || { cat said.txt >&2; die "another message"; }
    [ ! -e file.sig ] || die "a signature after all: docs/programs.md need not warn"
}

xml_document() { # ALGORITHM
    cat <<XML
<?xml version="1.0"?>
<Document xmlns="urn:x"><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#$1-sha256"/>
<Reference URI=""><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></Transforms>
<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference>
</SignedInfo><SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature></Document>
XML
}
xml_verifies() {
    with_software xmlsec1 --verify --trusted-pem ca.pem signed.xml >verified 2>&1 || { cat verified >&2; die "xmlsec1 does not verify"; }
}
scenario_programs_xmlsec1() {
    local search=()
    programs_files xmlsec1
    xml_document ecdsa >document.xml
    if [[ $(xmlsec1 --version) == *" 1.2."* ]]; then
        documented_command xmlsec1
    else
        search=(--lax-key-search)
        documented xmlsec1 | sed 's/--sign/& --lax-key-search/' >commands
        succeeds bash -e commands
    fi
    xml_verifies
    without_pin succeeds xmlsec1 --sign "${search[@]}" --pwd "$PIN" --privkey-pem ec256.key.pem,ec256.cert.pem --output signed.xml document.xml
    xml_verifies
    wrongly says "pkcs11::the PIN was refused|failed to load private key" xmlsec1 --sign "${search[@]}" --privkey-pem ec256.key.pem,ec256.cert.pem --output signed.xml document.xml
    xml_document rsa >document.xml
    if [ ${#search[@]} = 0 ]; then
        # It asks RSA keys for the private number, and takes keys without one for public ones.
        says "key is not found" xmlsec1 --sign --privkey-pem rsa.key.pem,rsa.cert.pem --output signed.xml document.xml
    else
        succeeds xmlsec1 --sign "${search[@]}" --privkey-pem rsa.key.pem,rsa.cert.pem --output signed.xml document.xml
        xml_verifies
    fi
}

scenario_programs_mkimage() {
    programs_files mkimage
    command -v dtc >/dev/null || { echo "the device tree compiler is not installed"; exit 77; }
    cat >image.its <<'ITS'
/dts-v1/;
/ {
    description = "a signed kernel";
    #address-cells = <1>;
    images {
        kernel {
            description = "kernel"; data = /incbin/("data.bin"); type = "kernel"; arch = "arm"; os = "linux"; compression = "none";
            load = <0>; entry = <0>;
            signature-1 { algo = "sha256,rsa2048"; key-name-hint = "rsa"; };
        };
    };
    configurations { default = "one"; one { kernel = "kernel"; }; };
};
ITS
    documented_command mkimage
    fdtget -t bx image.fit /images/kernel/signature-1 value | tr ' ' '\n' | sed 's/^.$/0&/' | xxd -r -p >sig
    proves rsa sig
    wrongly says "Failed to sign 'signature-1'" mkimage -f image.its -k keys -r image.fit
}

scenario_programs_rauc() {
    programs_files rauc
    command -v mksquashfs >/dev/null || { echo "mksquashfs is not installed"; exit 77; }
    mkdir content
    cp data.bin content/rootfs.img
    printf '[update]\ncompatible=demo\nversion=1\n[image.rootfs]\nfilename=rootfs.img\n' >content/manifest.raucm
    documented_command rauc
    with_software rauc info --keyring ca.pem update.raucb 2>&1 | holds "Verified .*signature by 'CN = rsa'" || die "rauc does not verify"
    refuses with_software rauc info --keyring server.cert.pem update.raucb >verified 2>&1
    wrongly says "failed to parse key file .*CKR_PIN_INCORRECT" rauc --cert rsa.cert.pem --key rsa.key.pem bundle content other.raucb
    # URIs go to engines.
    says "failed to load PKCS11 engine" rauc --cert rsa.cert.pem --key "$URI" bundle content other.raucb
}

# Version 5 reads PEM files itself. It has a PKCS#11 plugin of its own.
scenario_programs_strongswan_pki() {
    local label
    programs_files pki
    if pki --help 2>/dev/null | holds '^strongSwan 5'; then
        says "parsing private key failed" pki --pub --in rsa.key.pem --type priv
        return
    fi
    for label in rsa ec256; do
        pki --self --in $label.key.pem --type priv --dn "CN=$label" --ca --outform pem >self.pem 2>pki.log || { cat pki.log >&2; die "pki --self"; }
        plain verify -CAfile self.pem self.pem >/dev/null
        plain x509 -in self.pem -noout -pubkey | cmp - "$(public_of $label)"
    done
}
