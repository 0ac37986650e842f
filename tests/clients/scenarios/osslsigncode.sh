# SPDX-License-Identifier: Apache-2.0
# Authenticode signatures by osslsigncode: programs, cabinets and installers, with keys on the token. docs/osslsigncode.md
# has the commands. Debian 12 and 13 both have a version 2.9, which reads keys from files only: key references.
# shellcheck shell=bash

# What is to be signed: program.exe, archive.cab and installer.msi, as their compilers make them.
authenticode_files() {
    printf '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n' >program.c
    x86_64-w64-mingw32-gcc -s -o program.exe program.c || die "no program"
    gcab -c archive.cab data.bin program.c || die "no cabinet"
    cat >installer.wxs <<'WXS'
<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Name="Demo" Id="*" UpgradeCode="0d0d5e52-0b5c-4a5a-8f57-000000000001" Language="1033" Version="1.0.0" Manufacturer="Demo">
    <Package InstallerVersion="200" Compressed="yes"/>
    <Media Id="1" Cabinet="demo.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Component Id="Files" Guid="0d0d5e52-0b5c-4a5a-8f57-000000000002"><File Id="Program" Source="program.exe"/></Component>
    </Directory>
    <Feature Id="All" Level="1"><ComponentRef Id="Files"/></Feature>
  </Product>
</Wix>
WXS
    wixl -o installer.msi installer.wxs || die "no installer"
}

# root.pem and middle.pem; LABEL.code.pem for the token's keys that are named, and ec256.stamp.pem for time stamps.
authenticode_chain() {
    local label serial=10
    printf '[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=ca\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n[code]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,codeSigning\n[stamp]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n' >chain.cnf
    plain req -config chain.cnf -new -x509 -newkey rsa:2048 -nodes -keyout root.key -subj /CN=root -extensions ca -days 30 -out root.pem 2>/dev/null
    plain req -config chain.cnf -new -newkey rsa:2048 -nodes -keyout middle.key -subj /CN=middle -out middle.req 2>/dev/null
    plain x509 -req -in middle.req -CA root.pem -CAkey root.key -set_serial 2 -days 20 -extfile chain.cnf -extensions ca -out middle.pem 2>/dev/null
    for label in "$@"; do
        serial=$((serial + 1))
        plain x509 -new -force_pubkey "$(public_of "$label")" -subj "/CN=$label" -CA middle.pem -CAkey middle.key -set_serial $serial -days 10 -extfile chain.cnf -extensions code -out "$label.code.pem"
    done
    plain x509 -new -force_pubkey "$(public_of ec256)" -subj /CN=stamp -CA root.pem -CAkey root.key -set_serial 3 -days 10 -extfile chain.cnf -extensions stamp -out ec256.stamp.pem
}

# Key references for the labels: LABEL.ref.pem, without a PIN.
authenticode_references() {
    local label
    [ -n "${URI2PEM:-}" ] || { echo "pkcs11-uri2pem is not built"; exit 77; }
    for label in "$@"; do
        clean "$URI2PEM" --force -o "$label.ref.pem" "pkcs11:token=scenarios;object=$label;type=private"
    done
}

# The provider in the configuration, and what else is to stand in its section.
authenticode_configuration() { configuration "${1-pkcs11-module-token-pin = $PIN}"; }

# signs_code OUT OSSLSIGNCODE ARGUMENTS...
signs_code() {
    local out=$1
    shift
    rm -f "$out"
    timeout "$PATIENCE" "${RUNNER[@]}" osslsigncode "$@" -out "$out" >log 2>&1 </dev/null || { cat log >&2; die "osslsigncode $*"; }
}

# refused_signature WORDS OSSLSIGNCODE ARGUMENTS...: it must end with its own error and without a file
refused_signature() {
    local words=$1 status=0
    shift
    [ -n "$words" ] || die "any error would do: osslsigncode $*"
    rm -f refused
    # osslsigncode's status for an error is -1.
    setsid -w timeout "$PATIENCE" "${RUNNER[@]}" osslsigncode "$@" -out refused >log 2>&1 </dev/null || status=$?
    [ "$status" = 1 ] || [ "$status" = 255 ] || { cat log >&2; die "status $status: osslsigncode $*"; }
    grep -qF -- "$words" log || { cat log >&2; die "does not say \"$words\": osslsigncode $*"; }
    ! mentions_pin log || die "tells the PIN: osslsigncode $*"
    [ ! -e refused ] || die "there is a file all the same: osslsigncode $*"
}

# Without the provider, as somebody who has been sent the file.
# Debian 12 without backports has 2.5.
osslsigncode_has() { [[ $(osslsigncode --help 2>&1) == *"$1"* ]] || { echo "this osslsigncode has no $1"; exit 77; }; }

without_provider() { env -u PKCS11_PROVIDER_MODULE -u SOFTHSM2_CONF OPENSSL_CONF="$TOKENS/plain.cnf" timeout 60 osslsigncode "$@" >log 2>&1 </dev/null; }

# 2.9 or before
is_old_osslsigncode() { [[ $(osslsigncode --version 2>&1) =~ osslsigncode\ 2\.[0-9][,\ ] ]]; }

# attaches SIGNATURE FILE OUT: up to 2.9 -CAfile is needed for it, and 2.14 fails with it.
attaches() {
    local authority=(-CAfile root.pem)
    is_old_osslsigncode || authority=()
    without_provider attach-signature "${authority[@]}" -sigin "$1" -in "$2" -out "$3"
}

# authentic FILE DIGEST [SIGNATURES [STAMPS]]
authentic() {
    without_provider verify -CAfile root.pem -TSA-CAfile root.pem -in "$1" || { cat log >&2; die "osslsigncode verify $1"; }
    [ "$(grep -c "^Signature verification: ok" log)" = "${3:-1}" ] || { cat log >&2; die "not ${3:-1} good signatures"; }
    [ "$(grep -c "^Timestamp Server Signature verification: ok" log)" = "${4:-0}" ] || { cat log >&2; die "not ${4:-0} good time stamps"; }
    grep -qi "^Message digest algorithm: $2" log || { cat log >&2; die "not signed with $2"; }
}

# Every kind of file, digest and key, with a chain of three certificates.
scenario_osslsigncode() {
    local label file digest
    authenticode_files
    authenticode_chain rsa ec256 ec384
    authenticode_references rsa ec256 ec384
    authenticode_configuration
    for file in program.exe archive.cab installer.msi; do
        for label in rsa ec256 ec384; do
            for digest in sha256 sha384 sha512; do
                signs_code signed sign -h $digest -key $label.ref.pem -certs $label.code.pem -ac middle.pem -in $file
                authentic signed $digest
            done
        done
        # The root is not at hand, or another file was signed.
        ! without_provider verify -CAfile "$(certificate_of ec521)" -in signed || die "verifies without the root: $file"
        grep -q "^Signature verification: failed" log || { cat log >&2; die "refused for another reason: $file"; }
        authenticode_tamper signed
        ! without_provider verify -CAfile root.pem -in signed || die "a changed file verifies: $file"
        grep -q "^Signature verification: failed" log || { cat log >&2; die "refused for another reason: $file"; }
    done
    # Without the certificate in the middle the chain does not close.
    signs_code signed sign -h sha256 -key rsa.ref.pem -certs rsa.code.pem -in program.exe
    ! without_provider verify -CAfile root.pem -in signed || die "verifies without the certificate in the middle"
    # Page hashes, a description, both streams of an installer, and a second signature beside the first.
    signs_code signed sign -h sha256 -ph -n Demo -i https://example.org/ -key rsa.ref.pem -certs rsa.code.pem -ac middle.pem -in program.exe
    authentic signed sha256
    signs_code both sign -h sha512 -nest -key ec384.ref.pem -certs ec384.code.pem -ac middle.pem -in signed
    authentic both sha512 2
    signs_code signed sign -h sha256 -add-msi-dse -key rsa.ref.pem -certs rsa.code.pem -ac middle.pem -in installer.msi
    authentic signed sha256
}

# Changes one byte of what was signed: the text that the program, the cabinet's file list, and the installer's tables have.
authenticode_tamper() {
    local offset
    offset=$(grep -aobE 'hello|data\.bin|Demo' "$1" | head -1 | cut -d: -f1)
    [ -n "$offset" ] || die "nothing to change in $1"
    printf 'X' | dd of="$1" bs=1 seek="$offset" conv=notrunc 2>/dev/null
}

# The SignPath guide's command line: its key, with the reference in the place of the URI.
scenario_osslsigncode_signpath() {
    local key="pkcs11:token=scenarios;id=project/policy;type=private;pin-value=$PIN"
    authenticode_files
    # As openssl writes it, and as pkcs11-uri2pem does; the guide's pin-value is in the first one's configuration.
    ossl pkey -in "$key" -out written.pem
    clean "$URI2PEM" --with-pin -o made.pem "$key"
    authenticode_configuration ""
    signs_code signed.exe sign -key made.pem -certs "$(certificate_of project)" -in program.exe
    cp "$(certificate_of project)" root.pem
    authentic signed.exe sha256
    authenticode_configuration
    signs_code signed.exe sign -key written.pem -certs "$(certificate_of project)" -in program.exe
    authentic signed.exe sha256
}

# Where the PIN comes from when the reference has none, and what is said when it is wrong.
scenario_osslsigncode_pins() {
    authenticode_files
    authenticode_chain rsa
    authenticode_references rsa
    local sign=(sign -certs rsa.code.pem -ac middle.pem -in program.exe) where="pkcs11:token=scenarios;object=rsa;type=private"
    authenticode_configuration ""
    signs_code signed "${sign[@]}" -key rsa.ref.pem -pass "$PIN"
    authentic signed sha256
    (umask 077 && echo "$PIN" >pin.txt)
    signs_code signed "${sign[@]}" -key rsa.ref.pem -readpass pin.txt
    authentic signed sha256
    clean "$URI2PEM" -o source.pem "$where?pin-source=file:$WORK/pin.txt"
    signs_code signed "${sign[@]}" -key source.pem
    authentic signed sha256
    PKCS11_PIN=$PIN signs_code signed "${sign[@]}" -key rsa.ref.pem
    authentic signed sha256
    # Up to 2.9 osslsigncode has OpenSSL try the file as three other things, and their errors take the place of ours;
    # openssl has the reason.
    refused_reference() { # WORDS FILE OPTIONS...
        local words=$1
        ! is_old_osslsigncode || words="Failed to decode private key file: $2"
        refused_signature "$words" "${sign[@]}" -key "$2" "${@:3}"
        fails "$1" openssl pkey -in "$2" -noout -passin "pass:${4:-}"
    }
    refused_reference CKR_PIN_INCORRECT rsa.ref.pem -pass "$WRONG_PIN"
    echo "$WRONG_PIN" >pin.txt
    refused_reference CKR_PIN_INCORRECT source.pem
    rm pin.txt
    refused_reference pin.txt source.pem
    authenticode_configuration
    clean "$URI2PEM" -o absent.pem "pkcs11:token=scenarios;object=absent;type=private"
    refused_reference "no private key fits pkcs11:token=scenarios;object=absent" absent.pem
    clean "$URI2PEM" -o elsewhere.pem "pkcs11:token=elsewhere;object=rsa;type=private"
    refused_reference "no token fits" elsewhere.pem
    refused_signature "consistency of a private key" "${sign[@]}" -key rsa.ref.pem -certs "$(certificate_of ec256)"
    # Without the provider, a reference is no key.
    local words="No supported data to decode"
    ! is_old_osslsigncode || words="Failed to decode private key file: rsa.ref.pem"
    OPENSSL_CONF=$TOKENS/plain.cnf refused_signature "$words" "${sign[@]}" -key rsa.ref.pem
}

# The built-in time stamps, whose key is a reference, too: with the signature, and added to it later.
scenario_osslsigncode_time_stamps() {
    local file
    osslsigncode_has -TSA-certs
    authenticode_files
    authenticode_chain rsa
    authenticode_references rsa ec256
    authenticode_configuration
    local stamp=(-TSA-certs ec256.stamp.pem -TSA-key ec256.ref.pem)
    for file in program.exe archive.cab installer.msi; do
        signs_code stamped sign -h sha256 -key rsa.ref.pem -certs rsa.code.pem -ac middle.pem "${stamp[@]}" -in $file
        authentic stamped sha256 1 1
        signs_code signed sign -h sha384 -key rsa.ref.pem -certs rsa.code.pem -ac middle.pem -in $file
        signs_code stamped add -h sha256 "${stamp[@]}" -in signed
        authentic stamped sha384 1 1
    done
    # The stamp outlives the certificate, which is what it is for: in 20 days, and at none without it.
    local later
    later=$(($(date +%s) + 20 * 86400))
    without_provider verify -CAfile root.pem -TSA-CAfile root.pem -time $later -in stamped || { cat log >&2; die "not valid later"; }
    ! without_provider verify -CAfile root.pem -TSA-CAfile root.pem -time $later -in signed || die "valid later without a stamp"
}

# A time-stamping server (RFC 3161 over HTTP) around openssl ts, whose configuration names the reference; for -ts.
scenario_osslsigncode_time_stamp_server() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "Python reads the configuration without the sanitizer's runtime"; exit 77; }
    authenticode_files
    authenticode_chain rsa
    authenticode_references rsa ec256
    authenticode_configuration
    printf '[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ndigests=sha256\ndefault_policy=1.2.3.4\nsigner_digest=sha256\nsigner_cert=ec256.stamp.pem\nsigner_key=ec256.ref.pem\ness_cert_id_alg=sha256\n' >ts.cnf
    echo 01 >serial
    cat >server.py <<'PYTHON'
import http.server, subprocess
class Stamps(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        open("query.tsq", "wb").write(query)
        subprocess.run("openssl ts -reply -config ts.cnf -queryfile query.tsq -out reply.tsr", shell=True, check=True)
        reply = open("reply.tsr", "rb").read()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
server = http.server.HTTPServer(("127.0.0.1", 0), Stamps)
print(server.server_port, file=open("port.new", "w"), flush=True)
import os; os.rename("port.new", "port")
server.serve_forever()
PYTHON
    python3 server.py >server.log 2>&1 &
    timeout 20 sh -c 'until [ -s port ]; do sleep 0.1; done' || { cat server.log >&2; die "no server"; }
    signs_code stamped sign -h sha256 -key rsa.ref.pem -certs rsa.code.pem -ac middle.pem -ts "http://127.0.0.1:$(cat port)/" -in program.exe
    authentic stamped sha256 1 1
    signs_code signed sign -h sha256 -key rsa.ref.pem -certs rsa.code.pem -ac middle.pem -in program.exe
    signs_code stamped add -h sha256 -ts "http://127.0.0.1:$(cat port)/" -in signed
    authentic stamped sha256 1 1
}

# The machine with the token signs_code the digest alone; the files stay where they are.
scenario_osslsigncode_detached() {
    local file
    osslsigncode_has extract-data
    authenticode_files
    authenticode_chain ec384
    authenticode_references ec384
    authenticode_configuration
    for file in program.exe archive.cab installer.msi; do
        rm -f data attached again
        without_provider extract-data -h sha256 -in $file -out data || { cat log >&2; die "extract-data"; }
        signs_code signature sign -h sha256 -key ec384.ref.pem -certs ec384.code.pem -ac middle.pem -in data
        attaches signature $file attached || { cat log >&2; die "attach-signature"; }
        authentic attached sha256
        rm -f signature.pem
        without_provider extract-signature -pem -in attached -out signature.pem || { cat log >&2; die "extract-signature"; }
        attaches signature.pem $file again || { cat log >&2; die "attach-signature of a PEM file"; }
        cmp -s attached again || die "the signature taken out and attached again makes another file"
    done
    # A signature of something else is not attached: it does not verify there.
    { cat program.exe; echo more; } >other.exe
    without_provider extract-signature -in attached -out installer.p7 || die "extract-signature"
    ! attaches installer.p7 other.exe wrong.exe || die "another file's signature is taken"
}

# debian13_authenticode: the same files, chain and references there, and a configuration with the provider.
debian13_authenticode() {
    debian13
    tokens13
    authenticode_files
    authenticode_chain rsa ec384 project
    authenticode_references rsa ec256 ec384 project
    configuration "pkcs11-module-token-pin = $PIN"
    sed "s|^module = .*|module = /mnt/pkcs11.so|" my.cnf >"$HOME13/provider.cnf"
    cp program.exe archive.cab installer.msi ./*.code.pem ./*.stamp.pem ./*.ref.pem root.pem middle.pem "$HOME13"
}

# authentic13 FILE: by osslsigncode there, and by the one here, both without the provider
authentic13() {
    works13 "unset OPENSSL_CONF; osslsigncode verify -CAfile root.pem -TSA-CAfile root.pem -in $1"
    authentic "$HOME13/$1" "${@:2}"
}

scenario_debian13_osslsigncode() {
    local file label
    debian13_authenticode
    ENV13=(OPENSSL_CONF=/srv/provider.cnf PKCS11_PROVIDER_MODULE=/usr/lib/softhsm/libsofthsm2.so)
    works13 "osslsigncode --version"
    echo "Debian 13 has $(head -1 out13.txt)"
    for file in program.exe archive.cab installer.msi; do
        for label in rsa ec384; do
            works13 "rm -f signed; osslsigncode sign -h sha384 -key $label.ref.pem -certs $label.code.pem -ac middle.pem -TSA-certs ec256.stamp.pem -TSA-key ec256.ref.pem -in $file -out signed"
            authentic13 signed sha384 1 1
        done
    done
    # This version takes a URI for the name of a file, unless an engine's options are given.
    refused13 "Failed to read private key file" "osslsigncode sign -key 'pkcs11:token=scenarios;object=rsa;type=private' -certs rsa.code.pem -in program.exe -out refused"
    refused13 "Failed to decode private key file" "pkcs11-uri2pem -o absent.pem 'pkcs11:token=scenarios;object=absent'; osslsigncode sign -key absent.pem -certs rsa.code.pem -in program.exe -out refused"
}

# Newer than either release has: -provider, and URIs as keys (since 2.10).
scenario_debian13_osslsigncode_provider() {
    local module=/usr/lib/softhsm/libsofthsm2.so
    local key="pkcs11:token=scenarios;id=project/policy;type=private"
    debian13_authenticode
    [ -e "$ROOT13/opt/osslsigncode/usr/bin/osslsigncode" ] || { echo "the mirror has no newer osslsigncode; see clients.debian13_root"; exit 77; }
    local newest
    newest=$(cd "$ROOT13" && echo opt/osslsigncode/usr/lib/*/libcrypto.so.3)
    newest="env LD_LIBRARY_PATH=/$(dirname "$newest") /opt/osslsigncode/usr/bin/osslsigncode"
    in13 "$newest --version" || { cat out13.txt; echo "that osslsigncode does not run in Debian 13"; exit 77; }
    echo "tried with $(head -1 out13.txt)"
    local command="rm -f signed; $newest sign -h sha256 -certs project.code.pem -ac middle.pem -in program.exe -out signed"
    local options
    # The guide's own command line, and -provider in it.
    for options in "-provider pkcs11 -pkcs11module $module -key '$key;pin-value=$PIN'" \
        "-provider /mnt/pkcs11.so -pkcs11module $module -key '$key?pin-value=$PIN'" \
        "-provider pkcs11 -key '$key;pin-value=$PIN'"; do
        works13 "$command $options"
        authentic13 signed sha256
    done
    # It looks for a provider of this name by itself, so that a link makes the guide's command work as it stands.
    works13 "mkdir modules; ln -s /mnt/pkcs11.so modules/pkcs11prov.so"
    works13 "export OPENSSL_MODULES=/srv/modules; $command -pkcs11module $module -key '$key;pin-value=$PIN'"
    authentic13 signed sha256
    works13 "rm -f signed; $newest sign -provider pkcs11 -pkcs11module $module -pkcs11cert 'pkcs11:token=scenarios;object=rsa;type=cert' -key 'pkcs11:token=scenarios;object=rsa;type=private?pin-value=$PIN' -in program.exe -out signed"
    works13 "osslsigncode verify -CAfile rsa.cert.pem -in signed"
    refused13 "CKR_PIN_INCORRECT" "$command -provider pkcs11 -pkcs11module $module -key '$key;pin-value=$WRONG_PIN'"
    refused13 "no object fits" "$command -provider pkcs11 -pkcs11module $module -key 'pkcs11:token=scenarios;object=absent;pin-value=$PIN'"
    # With the provider in the configuration.
    # shellcheck disable=SC2034 # in13 reads it
    ENV13=(OPENSSL_CONF=/srv/provider.cnf "PKCS11_PROVIDER_MODULE=$module")
    for options in "-key '$key'" "-key project.ref.pem" "-TSA-certs ec256.stamp.pem -TSA-key ec256.ref.pem -key '$key'"; do
        works13 "$command $options"
        case $options in *TSA*) authentic13 signed sha256 1 1 ;; *) authentic13 signed sha256 ;; esac
    done
}
