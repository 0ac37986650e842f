# SPDX-License-Identifier: Apache-2.0
# Requests, certificates, a small CA, key output, the store.
# shellcheck shell=bash

# openssl's status is 0 for a request or list with a wrong signature, too; what it says tells.
verifies_ok() { # COMMAND...
    plain "$@" >said 2>&1
    grep -q "verify OK" said || { cat said >&2; die "no good signature: $*"; }
}

scenario_req_new() {
    local label
    for label in $(first_under_valgrind rsa ec256 secp256k1); do
        ossl req -new -key "$(uri "$label")" -subj /CN=request -out request.pem
        verifies_ok req -in request.pem -verify -noout
        plain req -in request.pem -pubkey -noout | cmp -s - "$(public_of "$label")" || die "the request has another key"
    done
    ossl req -new -key "$(uri rsa)" -subj /CN=request -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1 -out request.pem
    verifies_ok req -in request.pem -verify -noout
    plain req -in request.pem -noout -text | holds "Salt Length: 0x20" || die "the salt length is not that of the digest"
}

# OpenSSL 4.0.0 makes no request of a certificate, with whatever key ("Error adding request extensions from section (null)").
makes_requests_of_certificates() { openssl x509 -x509toreq -in "$(certificate_of rsa)" -signkey "$TOKENS/rsa.pem" -out software.pem 2>/dev/null; }

# A renewal: the request for a certificate's successor.
scenario_x509_x509toreq() {
    if makes_requests_of_certificates; then
        ossl x509 -x509toreq -in "$(certificate_of rsa)" -signkey "$(uri rsa)" -out request.pem
        verifies_ok req -in request.pem -verify -noout
        plain req -in request.pem -subject -noout | holds localhost || die "the request has another subject"
    fi
    ossl x509 -in "$(certificate_of ec256)" -signkey "$(uri ec256)" -days 5 -sha384 -out renewed.pem
    plain verify -CAfile renewed.pem renewed.pem >/dev/null
    plain x509 -in renewed.pem -noout -text | holds ecdsa-with-SHA384 || die "not signed with the digest asked for"
}

scenario_req_x509() {
    for label in $(first_under_valgrind rsa ec384 secp256k1); do
        ossl req -new -x509 -key "$(uri "$label")" -subj /CN=self -days 30 -out self.pem
        plain verify -CAfile self.pem self.pem >/dev/null
        plain x509 -in self.pem -pubkey -noout | cmp -s - "$(public_of "$label")" || die "the certificate has another key"
    done
}

scenario_x509_req_cakey() {
    plain req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.req 2>/dev/null
    for label in rsa ec256; do
        ossl x509 -req -in leaf.req -CA "$(certificate_of $label)" -CAkey "$(uri $label)" -CAcreateserial -CAserial serial -days 10 -out leaf.pem
        plain verify -CAfile "$(certificate_of $label)" leaf.pem >/dev/null
    done
    ossl x509 -req -in leaf.req -CA "pkcs11:token=scenarios;object=rsa;type=cert" -CAkey "$(uri rsa)" -CAcreateserial -CAserial serial -days 10 -out leaf.pem
    plain verify -CAfile "$(certificate_of rsa)" leaf.pem >/dev/null
}

scenario_ca_keyfile() {
    mkdir -p ca/new && : >ca/index.txt && echo 01 >ca/serial && echo 01 >ca/crlnumber
    printf '[ca]\ndefault_ca=c\n[c]\ndir=ca\ndatabase=ca/index.txt\nnew_certs_dir=ca/new\nserial=ca/serial\ncrlnumber=ca/crlnumber\ndefault_md=sha256\npolicy=p\ndefault_days=10\ndefault_crl_days=10\n[p]\ncommonName=supplied\n' >ca.cnf
    plain req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.req 2>/dev/null
    clean openssl ca -config ca.cnf "${PROV[@]}" -batch -notext -cert "$(certificate_of rsa)" -keyfile "$(uri rsa)" -in leaf.req -out leaf.pem
    plain verify -CAfile "$(certificate_of rsa)" leaf.pem >/dev/null
    clean openssl ca -config ca.cnf "${PROV[@]}" -gencrl -cert "$(certificate_of rsa)" -keyfile "$(uri rsa)" -out crl.pem
    verifies_ok crl -in crl.pem -CAfile "$(certificate_of rsa)" -noout
    clean openssl ca -config ca.cnf "${PROV[@]}" -batch -notext -revoke leaf.pem -cert "$(certificate_of rsa)" -keyfile "$(uri rsa)"
    grep -q ^R ca/index.txt || die "not revoked"
}

scenario_pkey_output() {
    for label in $(first_under_valgrind rsa rsa3072 ec256 ec384 ec521 secp256k1 brainpool withcert bare-rsa); do
        ossl pkey -in "$(uri "$label")" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of "$label")" || die "pkey -pubout of $label"
    done
    head -1 pub.pem | holds "BEGIN PUBLIC KEY" || die "not a PUBLIC KEY"
    ossl pkey -in "$(uri rsa)" -text -noout -out text
    grep -q "object=rsa;type=private" text || die "pkey -text has no URI"
    grep -q "Public-Key: (2048 bit)" text || die "pkey -text has no public part"
    ossl pkey -in "$(uri ec256)" -text_pub -noout -out text
    grep -q "prime256v1" text || die "pkey -text_pub has no group"
    ossl rsa -in "$(uri rsa)" -pubout -out pub.pem
    cmp -s pub.pem "$(public_of rsa)" || die "rsa -pubout"
    ossl ec -in "$(uri ec256)" -pubout -out pub.pem
    cmp -s pub.pem "$(public_of ec256)" || die "ec -pubout"
    ossl pkey -in "$(uri rsa)" -check -noout >/dev/null
    # Nothing private comes out of any of these.
    ossl pkey -in "$(uri rsa)" -out key.pem
    lacks 'PRIVATE KEY' <key.pem || die "a private key came out"
    holds 'BEGIN PKCS#11 PROVIDER URI' <key.pem || die "no reference came out"
    fails "Error creating PKCS12" openssl pkcs12 "${PROV[@]}" -export -inkey "$(uri rsa)" -in "$(certificate_of rsa)" -passout pass:x -out key.p12
    [ ! -s key.p12 ] || die "a PKCS#12 file came out"
}

scenario_storeutl() {
    ossl storeutl -noout "pkcs11:token=scenarios?pin-value=$PIN" >all
    pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" -O 2>/dev/null | grep -c '^[A-Z].* Object;' >count
    [ "$(grep -c ': Name: pkcs11:' all)" = "$(cat count)" ] || die "not as many objects as pkcs11-tool lists"
    # Every URI in the list, pasted back, is one object.
    sed -n 's/^.*: Name: \(pkcs11:.*\)$/\1/p' all | sort -u >uris
    [ -s uris ] || die "no URI in the list"
    ! mentions_pin all || die "the list has the PIN"
    [ "${VALGRIND:-0}" = 0 ] || sed -i 4q uris
    while read -r entry; do
        ossl storeutl -noout "$entry?pin-value=$PIN" >one
        grep -q "Total found: 1$" one || { cat one >&2; die "not one object: $entry"; }
    done <uris
    ossl storeutl -noout -keys "$(uri rsa)" >keys
    if ! grep -q "^0: Pkey" keys || ! grep -q "Total found: 1" keys; then die "storeutl -keys"; fi
    ossl storeutl -noout -certs "pkcs11:token=scenarios;object=rsa" >certs
    if ! grep -q "^0: Certificate" certs || ! grep -q "Total found: 1" certs; then die "storeutl -certs"; fi
    ossl storeutl -certs "pkcs11:token=scenarios;object=rsa" >certs
    plain x509 -in certs -noout
    ossl storeutl -keys -noout -text "$(uri ec256)" >text
    grep -q "object=ec256;type=private" text || die "storeutl -text has no URI"
    ossl storeutl -keys -noout "pkcs11:token=scenarios;object=twin?pin-value=$PIN" >twins
    grep -q "Total found: 2" twins || die "both keys of one label are listed"
    ossl storeutl -noout "pkcs11:token=empty?pin-value=$PIN" >none
    # OpenSSL 3.5 does not even say that it found nothing.
    lacks -v "^Total found: 0$" <none || die "an empty token"
    # Without a PIN, what is public.
    timeout 20 setsid -w "${RUNNER[@]}" openssl storeutl "${PROV[@]}" -noout "pkcs11:token=scenarios" </dev/null >public 2>/dev/null || die "listing without a PIN"
    grep -q "type=public" public || die "public objects are not listed without a PIN"
    lacks "type=private" <public || die "private objects are listed without a PIN"
}

scenario_propquery() {
    ossl pkey -propquery '?provider=pkcs11' -in "$(uri rsa)" -pubout -out pub.pem
    cmp -s pub.pem "$(public_of rsa)" || die "pkey -propquery"
    ossl storeutl -propquery 'provider=pkcs11' -noout -keys "$(uri rsa)" >keys
    grep -q "Total found: 1" keys || die "storeutl -propquery"
    refuses openssl storeutl "${PROV[@]}" -propquery 'provider=default' -noout -keys "$(uri rsa)" 2>stderr.txt
    ossl dgst -propquery '?provider=pkcs11' -sha256 -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
}

# The lists find what pkcs11-tool finds, whatever bytes are in labels and ids.
scenario_storeutl_odd_names() {
    use_tokens odd-tokens
    ossl storeutl -noout "pkcs11:?pin-value=$PIN" >all
    [ "$(grep -c ': Name: pkcs11:.*token=odd%20token%3B%201%2F2;' all)" = 6 ] || { cat all >&2; die "not the six objects"; }
    grep -q ';id=%00%FF%2F%3B;object=Schl%C3%BCssel%20%E2%84%96%201%3B%20100%25%20%2F%3F%26%3D%23;type=private$' all || die "the odd label is not encoded"
    sed -n 's/^.*: Name: \(pkcs11:.*type=private\)$/\1/p' all >uris
    local entry label
    [ "$(wc -l <uris)" = 4 ] || die "not the four keys"
    while read -r entry; do
        case $entry in
        *object=ed25519\;*) label=odd-ed25519 ;;
        *object=ed448\;*) label=odd-ed448 ;;
        *object=Schl*) label=odd-label ;;
        *id=%30\;type=*)
            # An EC key alone, whose public point nothing on the token gives: it signs all the same.
            ossl dgst -sha256 -sign "$entry?pin-value=$PIN" -out sig data.bin
            plain dgst -sha256 -verify "$(public_of odd-nolabel)" -signature sig data.bin >/dev/null
            fails "no public part" openssl pkey "${PROV[@]}" -in "$entry?pin-value=$PIN" -pubout -out pub.pem
            continue
            ;;
        *) die "what is this: $entry" ;;
        esac
        ossl pkey -in "$entry?pin-value=$PIN" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of $label)" || die "another key: $entry"
    done <uris
    # The same label with other bytes percent-encoded, and none that need not be.
    fails "no token fits" openssl pkey "${PROV[@]}" -in "pkcs11:token=odd%20token" -noout
    fails "fits" openssl pkey "${PROV[@]}" -in "pkcs11:object=%53chl%c3%bcssel%20%e2%84%96%201?pin-value=$PIN" -noout
    ossl dgst -sha256 -sign "pkcs11:token=odd%20token%3b%201/2;object=%53chl%c3%bcssel%20%e2%84%96%201%3b%20100%25%20/%3f&%3d%23?pin-value=$PIN" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of odd-label)" -signature sig data.bin >/dev/null
}

# Certificates on the token where openssl takes a store of them.
scenario_certificate_store() {
    ossl x509 -in "pkcs11:token=scenarios;object=rsa;type=cert" -out cert.pem
    cmp -s cert.pem "$(certificate_of rsa)" || die "another certificate"
    ossl verify -CAstore "pkcs11:token=scenarios;object=rsa;type=cert" "$(certificate_of rsa)" >/dev/null
    # The search by the name of the issuer passes over the keys beside it.
    ossl verify -CAstore "pkcs11:token=scenarios;object=rsa" "$(certificate_of rsa)" >/dev/null
    fails "localhost" openssl verify "${PROV[@]}" -CAstore "pkcs11:token=scenarios;object=rsa;type=cert" "$(certificate_of ec384)"
}

# Other commands that sign: an OCSP responder, a time stamp server (whose key is a file), a SPKAC.
scenario_ocsp_responder() {
    plain req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.req 2>/dev/null
    plain x509 -req -in leaf.req -CA "$(certificate_of rsa)" -CAkey "$TOKENS/rsa.pem" -set_serial 1 -days 10 -out leaf.pem 2>/dev/null
    printf 'V\t351231235959Z\t\t01\tunknown\t/CN=leaf\n' >index.txt
    plain ocsp -issuer "$(certificate_of rsa)" -cert leaf.pem -reqout request.der
    ossl ocsp -index index.txt -CA "$(certificate_of rsa)" -rsigner "$(certificate_of rsa)" -rkey "$(uri rsa)" -reqin request.der -respout response.der
    plain ocsp -respin response.der -issuer "$(certificate_of rsa)" -cert leaf.pem -CAfile "$(certificate_of rsa)" -no_nonce >said 2>&1
    if ! grep -q "^Response verify OK" said || ! grep -q "^leaf.pem: good" said; then cat said >&2 && die "no good response"; fi
}

# openssl ts reads its key from a file: a key reference, named by -inkey or in the configuration.
scenario_ts_reply() {
    local label key
    plain ts -query -data data.bin -sha256 -cert -out query.tsq 2>/dev/null
    export PKCS11_PIN=$PIN
    for label in $(first_under_valgrind rsa ec256); do
        printf '[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ndigests=sha256\ndefault_policy=1.2.3.4\nsigner_digest=sha256\nsigner_cert=%s.ts.pem\nsigner_key=%s.ref.pem\n[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=e\n[dn]\nCN=stamps\n[e]\nextendedKeyUsage=critical,timeStamping\n' "$label" "$label" >ts.cnf
        clean openssl req "${PROV[@]}" -config ts.cnf -new -x509 -key "$(uri "$label")" -days 30 -out "$label".ts.pem
        ossl pkey -in "$(uri "$label")" -out "$label".ref.pem
        stamps_as_software "$label"
        sed -i '/^signer_cert\|^signer_key/d' ts.cnf
        stamps_as_software "$label" -signer "$label".ts.pem -inkey "$label".ref.pem
    done
    unset PKCS11_PIN
    key=(-signer "$label.ts.pem" -inkey "$label.ref.pem")
    stamps_as_software "$label" "${key[@]}" -passin "pass:$PIN"
    fails "CKR_PIN_INCORRECT" openssl ts -reply "${PROV[@]}" -config ts.cnf "${key[@]}" -passin "pass:$WRONG_PIN" -queryfile query.tsq -out reply.tsr
}

# stamps_as_software LABEL OPTIONS...
stamps_as_software() {
    local label=$1
    shift
    echo 01 >serial
    # It leaves errors of its own on standard error: the same as for a key in software.
    timeout "$PATIENCE" "${RUNNER[@]}" openssl ts -reply "${PROV[@]}" -config ts.cnf -queryfile query.tsq "$@" -out reply.tsr 2>said.txt </dev/null || { cat said.txt >&2; die "ts -reply $*"; }
    plain ts -reply -config ts.cnf -queryfile query.tsq -signer "$label.ts.pem" -inkey "$TOKENS/$label.pem" -out software.tsr 2>wanted.txt
    same_words wanted.txt said.txt || die "ts says something else than for a key in software: $*"
    plain ts -verify -queryfile query.tsq -in reply.tsr -CAfile "$label.ts.pem" >said 2>&1
    grep -q "Verification: OK" said || { cat said >&2; die "the time stamp does not verify: $*"; }
}

scenario_spkac() {
    ossl spkac -key "$(uri rsa)" -challenge hello -out request
    plain spkac -in request -verify -noout >said 2>&1
    grep -q "Signature OK" said || { cat said >&2; die "the SPKAC does not verify"; }
}

# The commands that write to standard error write what they write for a key in software, and nothing more.
scenario_says_what_software_says() {
    plain req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.req 2>/dev/null
    printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\ndefault_days=10\n[p]\ncommonName=supplied\n' >ca.cnf
    says_the_same req -new -x509 -subj /CN=self -key
    says_the_same x509 -req -in leaf.req -CA "$(certificate_of rsa)" -set_serial 1 -out leaf.pem -CAkey
    ! makes_requests_of_certificates || says_the_same x509 -x509toreq -in "$(certificate_of rsa)" -out request.pem -signkey
    says_the_same rsa -pubout -out pub.pem -in
    says_the_same ca -config ca.cnf -batch -notext -startdate 20260101000000Z -enddate 20360101000000Z -cert "$(certificate_of rsa)" -in leaf.req -out leaf.pem -keyfile
    says_the_same dgst -sha256 -out sig data.bin -sign
}

# Same lines, but for the thread's number at the beginning of error lines?
same_words() { diff <(sed -E 's/^[0-9A-F]+:error:/:error:/' "$1") <(sed -E 's/^[0-9A-F]+:error:/:error:/' "$2") >&2; }

says_the_same() { # COMMAND OPTIONS..., to which the key is added; dgst takes its file last, so the key goes first
    local command=$1 option=${*: -1}
    shift
    set -- "${@:1:$#-1}"
    : >index && echo 01 >serial
    plain "$command" "$option" "$TOKENS/rsa.pem" "$@" >/dev/null 2>wanted.txt
    : >index && echo 01 >serial
    timeout "$PATIENCE" "${RUNNER[@]}" openssl "$command" "${PROV[@]}" "$option" "$(uri rsa)" "$@" >/dev/null 2>said.txt </dev/null || die "status $?: $command"
    same_words wanted.txt said.txt || die "says something else than for a key in software: $command"
}
