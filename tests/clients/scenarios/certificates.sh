# Requests, certificates, a small CA, key output, the store.
# shellcheck shell=bash

scenario_req_new() {
    for label in rsa ec256; do
        ossl req -new -key "$(uri $label)" -subj /CN=request -out request.pem
        plain req -in request.pem -verify -noout 2>/dev/null
        plain req -in request.pem -pubkey -noout | cmp -s - "$(public_of $label)" || die "the request has another key"
    done
    ossl req -new -key "$(uri rsa)" -subj /CN=request -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1 -out request.pem
    plain req -in request.pem -verify -noout 2>/dev/null
    plain req -in request.pem -noout -text | grep -q "Salt Length: 0x20" || die "the salt length is not that of the digest"
}

scenario_req_x509() {
    for label in rsa ec384 secp256k1; do
        ossl req -new -x509 -key "$(uri $label)" -subj /CN=self -days 30 -out self.pem
        plain verify -CAfile self.pem self.pem >/dev/null
        plain x509 -in self.pem -pubkey -noout | cmp -s - "$(public_of $label)" || die "the certificate has another key"
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
    plain crl -in crl.pem -CAfile "$(certificate_of rsa)" -noout 2>/dev/null
}

scenario_pkey_output() {
    for label in rsa rsa3072 ec256 ec384 ec521 secp256k1 brainpool withcert bare-rsa; do
        ossl pkey -in "$(uri $label)" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of $label)" || die "pkey -pubout of $label"
    done
    head -1 pub.pem | grep -q "BEGIN PUBLIC KEY" || die "not a PUBLIC KEY"
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
    ! openssl pkey -in key.pem -noout 2>/dev/null || die "a private key came out"
}

scenario_storeutl() {
    ossl storeutl -noout "pkcs11:token=scenarios?pin-value=$PIN" >all
    pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin $PIN -O 2>/dev/null | grep -c '^[A-Z].* Object;' >count
    [ "$(grep -c ': Name: pkcs11:' all)" = "$(cat count)" ] || die "not as many objects as pkcs11-tool lists"
    # Every URI in the list, pasted back, is one object.
    sed -n 's/^.*: Name: \(pkcs11:.*\)$/\1/p' all | sort -u >uris
    while read -r entry; do
        ossl storeutl -noout "$entry?pin-value=$PIN" >one
        grep -q "Total found: 1$" one || { cat one >&2; die "not one object: $entry"; }
    done <uris
    ossl storeutl -noout -keys "$(uri rsa)" >keys
    grep -q "^0: Pkey" keys && grep -q "Total found: 1" keys || die "storeutl -keys"
    ossl storeutl -noout -certs "pkcs11:token=scenarios;object=rsa" >certs
    grep -q "^0: Certificate" certs && grep -q "Total found: 1" certs || die "storeutl -certs"
    ossl storeutl -certs "pkcs11:token=scenarios;object=rsa" >certs
    plain x509 -in certs -noout
    ossl storeutl -keys -noout -text "$(uri ec256)" >text
    grep -q "object=ec256;type=private" text || die "storeutl -text has no URI"
    ossl storeutl -keys -noout "pkcs11:token=scenarios;object=twin?pin-value=$PIN" >twins
    grep -q "Total found: 2" twins || die "both keys of one label are listed"
    ossl storeutl -noout "pkcs11:token=empty?pin-value=$PIN" >none
    grep -q "Total found: 0" none || die "an empty token"
    # Without a PIN, what is public.
    timeout 20 setsid -w "${RUNNER[@]}" openssl storeutl "${PROV[@]}" -noout "pkcs11:token=scenarios" </dev/null >public 2>/dev/null || die "listing without a PIN"
    grep -q "type=public" public || die "public objects are not listed without a PIN"
    ! grep -q "type=private" public || die "private objects are listed without a PIN"
}

scenario_propquery() {
    ossl pkey -propquery '?provider=pkcs11' -in "$(uri rsa)" -pubout -out pub.pem
    cmp -s pub.pem "$(public_of rsa)" || die "pkey -propquery"
    ossl storeutl -propquery 'provider=pkcs11' -noout -keys "$(uri rsa)" >/dev/null
    ossl dgst -sha256 -sign "$(uri rsa)" -out sig data.bin
}
