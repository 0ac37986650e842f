# SPDX-License-Identifier: Apache-2.0
# What the scenarios of docs/programs.md share, and the programming languages. The examples are those of examples/.
# shellcheck shell=bash

# programs_files PROGRAM: the files of servers.md, and configurations with a wrong PIN and without one
programs_files() {
    server_files "$1"
    (umask 077 && echo "$WRONG_PIN" >wrong-pin)
    sed 's|^pkcs11-module-token-pin.*|pkcs11-module-token-pin = file:'"$WORK/wrong-pin|" openssl.cnf >wrong.cnf
    sed '/^pkcs11-module-token-pin/d' openssl.cnf >nopin.cnf
    URI="pkcs11:token=scenarios;object=rsa;type=private"
}
wrongly() { OPENSSL_CONF=$WORK/wrong.cnf "$@"; }
without_pin() { OPENSSL_CONF=$WORK/nopin.cnf "$@"; }
# with_software COMMAND...: without the provider
with_software() { OPENSSL_CONF=/dev/null "$@"; }

# says PATTERN COMMAND...: it ends with an error of its own, and its output fits PATTERN. Programs' logs have numbers that may look like
# a PIN, so this does not search for one.
says() {
    local words=$1 status=0
    shift
    # shellcheck disable=SC2016 # the inner shell expands
    setsid -w sh -c 'timeout "$0" "$@"; exit $?' "$PATIENCE" "$@" >said.txt 2>&1 </dev/null || status=$?
    [ "$status" != 0 ] || die "did not fail: $*"
    own_error "$status" said.txt || { cat said.txt >&2; die "ended with status $status: $*"; }
    grep -qE -- "$words" said.txt || { cat said.txt >&2; die "does not say \"$words\": $*"; }
}
# succeeds COMMAND...: it must end with 0. What it says is in the file "succeeds.log".
succeeds() {
    setsid -w timeout "$PATIENCE" "$@" >succeeds.log 2>&1 </dev/null || { cat succeeds.log >&2; die "status $?: $*"; }
}

# proves LABEL SIGNATURE [FILE]: OpenSSL without the provider verifies it
proves() { plain dgst -sha256 -verify "$(public_of "$1")" -signature "$2" "${3:-data.bin}" >/dev/null; }

# issue LABEL NAME [EXTENSIONS]: a certificate of the key, with that common name, in NAME.pem
issue() {
    plain x509 -new -force_pubkey "$(public_of "$1")" -subj "/CN=$2" -days 30 -CA "$CA" -CAkey "$TOKENS/ec384.pem" \
        -extfile <(printf '%b' "${3:-}") -out "$2.pem"
}

scenario_programs_python_server() {
    local server=$SOURCE/examples/python/tls_server.py
    programs_files /usr/bin/python3
    start_program /usr/bin/python3 "$server" "$PORT" rsa.cert.pem rsa.key.pem
    serves_rsa
    stop_program
    start_program /usr/bin/python3 "$server" "$PORT" ec256.cert.pem ec256.key.pem
    serves_ec
    stop_program
    # The program's password is the PIN.
    without_pin start_program /usr/bin/python3 "$server" "$PORT" rsa.cert.pem rsa.key.pem pin
    serves_rsa
    stop_program
    without_pin says "PEM lib" /usr/bin/python3 "$server" "$PORT" rsa.cert.pem rsa.key.pem wrong-pin
    wrongly says "PEM lib" /usr/bin/python3 "$server" "$PORT" rsa.cert.pem rsa.key.pem
    says "FileNotFoundError: .Errno 2. No such file or directory" /usr/bin/python3 "$server" "$PORT" rsa.cert.pem "$URI"
}

scenario_programs_python_client() {
    local label
    programs_files /usr/bin/python3
    # From 3.13 on, Python wants the extensions of RFC 5280.
    plain x509 -new -force_pubkey "$(public_of ec384)" -subj /CN=localhost -days 30 -signkey "$TOKENS/ec384.pem" \
        -extfile <(printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash') -out ca.pem
    plain x509 -new -force_pubkey "$(public_of rsa3072)" -subj /CN=server -days 30 -CA ca.pem -CAkey "$TOKENS/ec384.pem" \
        -extfile <(printf 'subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid') -out server.cert.pem
    start_verifying_server
    for label in rsa ec256; do
        succeeds /usr/bin/python3 "$SOURCE/examples/python/tls_client.py" "https://localhost:$PORT/" ca.pem $label.cert.pem $label.key.pem
        cp succeeds.log page
        shown_as $label TLSv1.3
    done
    ended "$VERIFYING_PID" verifying.log
}

scenario_programs_python_signatures() {
    local label
    programs_files /usr/bin/python3
    for label in rsa ec256; do
        succeeds /usr/bin/python3 "$SOURCE/examples/python/sign_by_ctypes.py" "pkcs11:token=scenarios;object=$label;type=private" data.bin sig
        proves $label sig
        succeeds /usr/bin/python3 "$SOURCE/examples/python/sign_by_openssl.py" $label.key.pem data.bin sig
        proves $label sig
    done
    wrongly says "C_Login answered CKR_PIN_INCORRECT" /usr/bin/python3 "$SOURCE/examples/python/sign_by_ctypes.py" "$URI" data.bin sig
    # Why the example does not let "cryptography" sign.
    says "no BEGIN/END delimiters for a private key found|keymgmt export failure" /usr/bin/python3 -c \
        'import sys; from cryptography.hazmat.primitives.serialization import load_pem_private_key as load; load(open(sys.argv[1], "rb").read(), None)' rsa.key.pem
}

scenario_programs_m2crypto() {
    programs_files /usr/bin/python3
    /usr/bin/python3 -c 'import M2Crypto' 2>/dev/null || { echo "M2Crypto is not installed"; exit 77; }
    local label
    for label in rsa ec256; do
        cat >m2.py <<PYTHON
from M2Crypto import EVP, SSL
key = EVP.load_key("$label.key.pem")
key.reset_context("sha256")
key.sign_init()
key.sign_update(open("data.bin", "rb").read())
open("sig", "wb").write(key.sign_final())
SSL.Context("tls").load_cert("$label.cert.pem", "$label.key.pem")
PYTHON
        succeeds /usr/bin/python3 m2.py
        proves $label sig
    done
    # Its module RSA reads the key's numbers.
    says "keymgmt export failure" /usr/bin/python3 -c 'from M2Crypto import RSA; RSA.load_key("rsa.key.pem")'
    wrongly says "Unable to read private key" /usr/bin/python3 -c 'from M2Crypto import EVP; EVP.load_key("rsa.key.pem")'
}

scenario_programs_perl() {
    programs_files perl
    perl -MIO::Socket::SSL -e 1 2>/dev/null || { echo "IO::Socket::SSL is not installed"; exit 77; }
    documented perl-server >server.pl
    start_program perl server.pl
    serves_rsa
    stop_program
    sed 's/\brsa\b/ec256/g' server.pl >ec.pl
    start_program perl ec.pl
    serves_ec
    stop_program
    wrongly says "the PIN was refused" perl server.pl
    sed "s|'[^']*rsa.key.pem'|'$URI'|" server.pl >uri.pl
    says "No such file or directory" perl uri.pl
}

scenario_programs_php() {
    local label
    programs_files php
    php -r 'exit(extension_loaded("openssl") ? 0 : 1);' || { echo "PHP has no openssl here"; exit 77; }
    for label in rsa ec256; do
        succeeds php "$SOURCE/examples/php/sign.php" $label.key.pem data.bin sig
        proves $label sig
    done
    start_program php "$SOURCE/examples/php/tls_server.php" "$PORT" rsa.cert.pem rsa.key.pem
    serves_rsa
    stop_program
    without_pin succeeds php "$SOURCE/examples/php/sign.php" rsa.key.pem data.bin sig pin
    proves rsa sig
    without_pin says "pkcs11::no PIN was given" php "$SOURCE/examples/php/sign.php" rsa.key.pem data.bin sig
    wrongly says "pkcs11::the PIN was refused" php "$SOURCE/examples/php/sign.php" rsa.key.pem data.bin sig
    # A URI that is not a file's is parsed as a PEM text.
    # shellcheck disable=SC2016 # PHP's variable
    says "DECODER routines::unsupported" php -r 'if (!openssl_pkey_get_private($argv[1])) { echo openssl_error_string(); exit(1); }' "$URI"
}

# Ruby asks for the private numbers of RSA and EC keys, and does not look at the answer (ruby/openssl issue 872). Versions that
# have that mended must make good signatures.
scenario_programs_ruby() {
    local label status
    programs_files ruby
    for label in rsa ec256; do
        status=0
        (ulimit -c 0 && exec ruby -ropenssl -e 'File.binwrite("sig", OpenSSL::PKey.read(File.read(ARGV[0])).sign("SHA256", File.binread("data.bin")))' $label.key.pem) >ruby.log 2>&1 ||
            status=$?
        case $status in
        0) proves $label sig ;;
        134 | 139) holds '\[BUG\] Segmentation fault' <ruby.log || { cat ruby.log >&2; die "another crash"; } ;;
        *) cat ruby.log >&2; die "ruby ends with $status" ;;
        esac
    done
    succeeds ruby "$SOURCE/examples/ruby/sign.rb" "$URI" data.bin sig
    proves rsa sig
}

scenario_programs_go() {
    local label
    programs_files go
    export GOCACHE=$WORK/go HOME=$WORK GO111MODULE=off GOFLAGS=-p=1
    PATIENCE=300 succeeds go build -o signer "$SOURCE/examples/go/sign.go"
    for label in rsa ec256; do
        succeeds ./signer "pkcs11:token=scenarios;object=$label;type=private" data.bin sig go.pem
        proves $label sig
        plain verify -CAfile go.pem go.pem >/dev/null
    done
    succeeds ./signer rsa.key.pem data.bin sig go.pem
    proves rsa sig
    wrongly says "C_Login answered CKR_PIN_INCORRECT" ./signer "$URI" data.bin sig go.pem
}

scenario_programs_c() {
    local built label
    built=$(dirname "$EXAMPLE")
    programs_files openssl
    for label in rsa ec256; do
        URI="pkcs11:token=scenarios;object=$label;type=private"
        clean "$built/sign_file" "$URI" data.bin sig
        proves $label sig
        clean "$built/verify_file" "pkcs11:token=scenarios;object=$label;type=public" data.bin sig >/dev/null
        clean "$built/verify_file" "$(public_of $label)" data.bin sig >/dev/null
        # One that OpenSSL made without the provider, and one that is wrong.
        plain dgst -sha256 -sign "$TOKENS/$label.pem" -out sig data.bin
        clean "$built/verify_file" "pkcs11:token=scenarios;object=$label;type=public" data.bin sig >/dev/null
        says "Verification failure" "$built/verify_file" "pkcs11:token=scenarios;object=$label;type=public" pin sig
        clean "$built/sign_file_raii" "$URI" data.bin sig
        proves $label sig
        wrongly says "C_Login answered CKR_PIN_INCORRECT" "$built/sign_file_raii" "$URI" data.bin sig
    done
    says "No such file" "$built/sign_file_raii" /nosuch data.bin sig
    says "cannot be read" "$built/sign_file_raii" "$URI" /nosuch sig
}

scenario_programs_c_tls() {
    local built label
    built=$(dirname "$EXAMPLE")
    programs_files openssl
    start_program "$built/tls_server" "$PORT" rsa.cert.pem "$URI"
    serves_rsa
    stop_program
    start_program "$built/tls_server" "$PORT" ec256.cert.pem "pkcs11:token=scenarios;object=ec256;type=private"
    serves_ec
    stop_program
    says "no private key fits" "$built/tls_server" "$PORT" rsa.cert.pem "pkcs11:token=scenarios;object=nosuch"
    start_verifying_server
    for label in rsa ec256; do
        succeeds "$built/tls_client" localhost "$PORT" ca.pem $label.cert.pem "pkcs11:token=scenarios;object=$label;type=private"
        cp succeeds.log page
        shown_as $label TLSv1.3
    done
    says "certificate verify failed" "$built/tls_client" localhost "$PORT" rsa.cert.pem rsa.cert.pem "$URI"
    ended "$VERIFYING_PID" verifying.log
}
