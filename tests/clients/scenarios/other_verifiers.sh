# SPDX-License-Identifier: Apache-2.0
# What keys on the token have signed, verified by programs that are not OpenSSL: GnuTLS, and Python's cryptography, which
# parses X.509 by itself.
# shellcheck shell=bash

other_verifiers_here() {
    command -v certtool >/dev/null || { echo "GnuTLS's certtool is not installed"; exit 77; }
    python3 -c 'import cryptography' 2>/dev/null || { echo "python3-cryptography is not installed"; exit 77; }
    printf '[ca]\ndefault_ca=c\n[c]\ndir=.\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ncrlnumber=crlnumber\ndefault_md=sha256\npolicy=p\ndefault_crl_days=10\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=dn\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n' >other.cnf
    plain req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.req 2>/dev/null
    : >checks
}

gnutls() { certtool "$@" >said 2>&1 || { cat said >&2; die "GnuTLS: $PWD: $*"; }; }

# signed_by LABEL PADDING: an authority with that key, a leaf, a request, a revocation list and a file's signature, in a
# folder of their own. GnuTLS verifies at once, Python all of them at the end.
signed_by() {
    local label=$1 padding=$2 options=() key check
    key=$(uri "$label")
    [ "$padding" != pss ] || options=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1)
    mkdir "$label-$padding"
    cd "$label-$padding" || die "no folder $label-$padding"
    clean openssl req -config ../other.cnf "${PROV[@]}" -new -x509 -key "$key" -subj /CN=ca -extensions v3 -days 20 "${options[@]}" -out ca.pem
    plain x509 -in ca.pem -noout -pubkey >ca.pub
    ossl x509 -req -in ../leaf.req -CA ca.pem -CAkey "$key" -set_serial 2 -days 10 "${options[@]}" -out leaf.pem
    cat leaf.pem ca.pem >chain.pem
    gnutls --verify-chain --infile chain.pem
    clean openssl req -config ../other.cnf "${PROV[@]}" -new -key "$key" -subj /CN=request "${options[@]}" -out request.pem
    gnutls --crq-info --infile request.pem
    holds 'Self signature: verified' <said || { cat said >&2; die "GnuTLS: the request of $label"; }
    : >index.txt && echo 01 >serial && echo 01 >crlnumber
    clean openssl ca -config ../other.cnf "${PROV[@]}" -gencrl -cert ca.pem -keyfile "$key" "${options[@]}" -out crl.pem
    gnutls --verify-crl --load-ca-certificate ca.pem --infile crl.pem
    if [ "$label" = ed25519 ]; then
        ossl pkeyutl -sign -rawin -inkey "$key" -in ../data.bin -out sig
    else
        ossl dgst -sha256 "${options[@]}" -sign "$key" -out sig ../data.bin
    fi
    cp "$(certificate_of rsa3072)" another.pem
    for check in "good certificate ca.pem ca.pem" "good certificate leaf.pem ca.pem" "good crl crl.pem ca.pem" "good request request.pem" \
        "good raw sig ../data.bin ca.pub" "wrong raw sig ../leaf.req ca.pub" "wrong certificate leaf.pem another.pem"; do
        # A key of another type can't be asked about an Ed25519 signature, which names no hash.
        [ "$label $check" = "ed25519 wrong certificate leaf.pem another.pem" ] || echo "${check%% *} $PWD ${padding} ${check#* }" >>../checks
    done
    cd "$WORK" || die "no folder $WORK"
}

# message_of LABEL PADDING [OPTION...]: a CMS message with its text, and the same with another last byte, where the signature is
message_of() {
    local label=$1 padding=$2 size
    cd "$label-$padding" || die "no folder $label-$padding"
    ossl cms -sign -binary -nodetach -md sha256 -in ../data.bin -signer ca.pem -inkey "$(uri "$label")" "${@:3}" -outform DER -out message.der
    gnutls --p7-verify --inder --load-ca-certificate ca.pem --infile message.der
    size=$(stat -c %s message.der)
    { head -c $((size - 1)) message.der && tail -c 1 message.der | tr '\000-\377' '\001-\377\000'; } >changed.der
    refuses certtool --p7-verify --inder --load-ca-certificate ca.pem --infile changed.der >said 2>&1
    holds 'verification failed: Public key signature verification has failed' <said || { cat said >&2; die "refused for another reason"; }
    cd "$WORK" || die "no folder $WORK"
}

scenario_other_verifiers() {
    other_verifiers_here
    local label
    signed_by rsa pkcs1
    message_of rsa pkcs1
    signed_by rsa pss
    message_of rsa pss -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:-1
    for label in ec256 ec384; do
        signed_by $label other
        message_of $label other
    done
    signed_by ed25519 other
    python3 "$SOURCE/tests/clients/verify.py" <checks >count || die "Python's cryptography"
    if [ "$(cat count)" != "$(wc -l <checks)" ] || [ "$(cat count)" -le 30 ]; then die "not all were verified"; fi
}
