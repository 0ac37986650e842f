# SPDX-License-Identifier: Apache-2.0
# Key pairs made on a token by genpkey; keys and certificates brought there, and deleted. What is there afterwards is read
# by pkcs11-tool, and signatures are verified with the public key that it reads.
# shellcheck shell=bash

genpkey() { clean openssl genpkey "${PROV[@]}" -propquery provider=pkcs11 "$@"; }
fails_genpkey() { fails "$1" openssl genpkey "${PROV[@]}" -propquery provider=pkcs11 "${@:2}" -out refused.pem; }
place() { echo "pkcs11_uri:pkcs11:token=scenarios;object=$1${2:-}?pin-value=$PIN"; }

# The real module, whatever the provider is given.
token_tool() { timeout 60 pkcs11-tool --module "$(cat "$TOKENS/module")" --token-label scenarios --login --pin "$PIN" "$@" 2>tool.log || { cat tool.log >&2; die "pkcs11-tool $*"; }; }
# object_of LABEL TYPE: what pkcs11-tool says of these objects
object_of() {
    token_tool --list-objects --type "$2" | awk -v label="$1" '
        function flush() { if (mine) printf "%s", block; block = ""; mine = 0 }
        /^[^ ]/ { flush() }
        { block = block $0 "\n" }
        $1 == "label:" && $2 == label { mine = 1 }
        END { flush() }'
}
# From 0.27 on as a number, with the bytes behind it.
id_of() { object_of "$1" "$2" | sed -En 's/^ *ID: *//; T; s/.*\(0x([0-9a-f:]*)\)/\1/; s/://g; p'; }
count_of() {
    token_tool --list-objects >listed.txt
    grep -c "label: *$1\$" listed.txt || [ $? = 1 ]
}
gone() { [ "$(count_of "$1")" = 0 ] || die "something is left of $1"; }

# point_of LABEL: of a public EC or Edwards key, without the OCTET STRING around it
point_of() { object_of "$1" pubkey | sed -En 's/.*EC_POINT: *04(8?1?[0-9a-f]{2})//p'; }
curve_on_token() { object_of "$1" pubkey | sed -n 's/.*EC_PARAMS: *//p' | xxd -r -p | openssl asn1parse -inform DER | sed 's/.*://'; }

# public_on_token LABEL KIND: token.pub.pem, the public key that pkcs11-tool reads. Up to 0.26 it fails with P-384 keys,
# so EC keys, too, are put together of the values that it lists (RFC 5480, RFC 8410); later it lists none, and reads them.
public_on_token() {
    local point kind=$2
    point=$(point_of "$1")
    [ -n "$point" ] || kind=whole
    case $kind in
    ED25519) { printf 302a300506032b6570032100 && echo "$point"; } | xxd -r -p >token.der ;;
    EC)
        printf 'asn1 = SEQUENCE:info\n[info]\nalgorithm = SEQUENCE:algorithm\nkey = FORMAT:HEX,BITSTRING:%s\n' "$point" >spki.cnf
        printf '[algorithm]\nid = OID:id-ecPublicKey\ncurve = OID:%s\n' "$(curve_on_token "$1")" >>spki.cnf
        plain asn1parse -genconf spki.cnf -noout -out token.der
        ;;
    *) token_tool --read-object --type pubkey --label "$1" --output-file token.der >/dev/null ;;
    esac
    plain pkey -pubin -inform DER -in token.der -out token.pub.pem
}

objects_built() { [ -n "${OBJECTS:-}" ] || { echo "pkcs11-objects is not built"; exit 77; }; }
objects() { clean "$OBJECTS" --provider-path "$PROVIDER_DIR" "$@"; }
fails_objects() { fails "$1" "$OBJECTS" --provider-path "$PROVIDER_DIR" "${@:2}"; }

# made LABEL KIND [PSS]: the reference in LABEL.pem signs, and the key is as it should be
made() {
    local options=()
    grep -q 'BEGIN PKCS#11 PROVIDER URI' "$1.pem" || die "no reference"
    plain asn1parse -in "$1.pem" | lacks "pin-value\|$PIN" || die "the PIN is in the reference"
    public_on_token "$1" "$2"
    if [ "$2" = ED25519 ]; then
        PKCS11_PIN=$PIN ossl pkeyutl -sign -rawin -inkey "$1.pem" -in data.bin -out sig
        plain pkeyutl -verify -rawin -pubin -inkey token.pub.pem -in data.bin -sigfile sig >/dev/null
    else
        [ "$2" != RSA-PSS ] || options=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest)
        PKCS11_PIN=$PIN ossl dgst -sha256 -sign "$1.pem" "${options[@]}" -out sig data.bin
        plain dgst -sha256 -verify token.pub.pem "${options[@]}" -signature sig data.bin >/dev/null
    fi
    object_of "$1" privkey | holds 'sensitive, always sensitive, never extractable, local' || die "not a key that stays on the token: $1"
}

scenario_generate_keys() {
    genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt "$(place new-rsa ';id=%41%42')" -out new-rsa.pem
    made new-rsa RSA
    [ "$(id_of new-rsa privkey) $(id_of new-rsa pubkey)" = "4142 4142" ] || die "another id"
    object_of new-rsa privkey | holds -E 'Usage: *decrypt, sign(, signRecover)?$' || die "another usage: $(object_of new-rsa privkey)"
    genpkey -algorithm RSA-PSS -pkeyopt "$(place new-pss)" -out new-pss.pem
    made new-pss RSA-PSS
    genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -pkeyopt "$(place new-ec)" -out new-ec.pem
    made new-ec EC
    plain pkey -pubin -in token.pub.pem -noout -text | holds secp384r1 || die "another curve"
    genpkey -algorithm EC -pkeyopt group:P-256 -pkeyopt "$(place new-ec256)" -out new-ec256.pem
    made new-ec256 EC
    genpkey -algorithm ED25519 -pkeyopt "$(place new-ed)" -out new-ed.pem
    made new-ed ED25519
    [ "$(id_of new-ed privkey)" = "$(id_of new-ed pubkey)" ] || die "two ids"
    # A key for decryption alone; and a request with a new key in one step.
    genpkey -algorithm RSA -pkeyopt "$(place new-decrypt)" -pkeyopt pkcs11_key_usage:dataEncipherment -out new-decrypt.pem
    object_of new-decrypt privkey | holds -E 'Usage: *decrypt(, signRecover)?$' || die "another usage: $(object_of new-decrypt privkey)"
    public_on_token new-decrypt RSA
    head -c 30 data.bin >secret
    plain pkeyutl -encrypt -pubin -inkey token.pub.pem -in secret -out encrypted -pkeyopt rsa_padding_mode:oaep
    PKCS11_PIN=$PIN ossl pkeyutl -decrypt -inkey new-decrypt.pem -in encrypted -out decrypted -pkeyopt rsa_padding_mode:oaep
    cmp -s secret decrypted || die "another secret"
    genpkey -algorithm EC -pkeyopt group:P-256 -pkeyopt "$(place new-derive)" -pkeyopt pkcs11_key_usage:keyAgreement \
        -pkeyopt pkcs11_extractable:yes -out new-derive.pem
    object_of new-derive privkey | holds 'Usage:.*derive' || die "another usage"
    object_of new-derive privkey | lacks 'never extractable' || die "it is not extractable"
    # What a key on a token does not do unless asked.
    genpkey -algorithm RSA -pkeyopt "$(place new-open)" -pkeyopt pkcs11_sensitive:no -pkeyopt pkcs11_extractable:yes -out new-open.pem
    object_of new-open privkey | holds 'Access: *extractable, local$' || die "another access: $(object_of new-open privkey)"
    genpkey -algorithm RSA -pkeyopt "$(place new-asking)" -pkeyopt pkcs11_always_authenticate:yes -out new-asking.pem
    object_of new-asking privkey | holds 'Access: *always authenticate, sensitive' || die "it does not ask: $(object_of new-asking privkey)"
    # openssl draws a line when the key is made.
    timeout "$PATIENCE" "${RUNNER[@]}" openssl req "${PROV[@]}" -propquery provider=pkcs11 -new -newkey rsa:2048 -pkeyopt "$(place new-req)" -noenc -keyout new-req.pem -subj /CN=me -out new.req 2>said.txt </dev/null ||
        { cat said.txt >&2; die "req -newkey"; }
    made new-req RSA
    plain req -in new.req -noout -verify 2>said.txt >/dev/null
    plain req -in new.req -noout -pubkey -out req.pub.pem
    cmp -s req.pub.pem token.pub.pem || die "a request for another key"
    # Keys made without a URI are software keys, as ever.
    genpkey -algorithm EC -pkeyopt group:P-256 -out software.pem
    grep -q 'BEGIN PRIVATE KEY' software.pem || die "not a software key"
}

# Dots on standard error while the token works, as of software keys, and a line of the log's step for the call.
scenario_generate_tells_progress() {
    local step
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE PKCS11_TEST_DELAY_CRYPTO_US=700000
    PKCS11_PROVIDER_DEBUG=file:log.txt,level:2 genpkey -algorithm EC -pkeyopt group:P-256 -pkeyopt "$(place slow)" -out slow.pem
    grep -qxE '\.+' stderr.txt || die "no dots in a line: $(cat stderr.txt)"
    step=$(sed -nE 's/.* (#[0-9]+) new key pair .*/\1/p' log.txt)
    holds " $step C_GenerateKeyPair CKR_OK" <log.txt || die "the call is not in the step $step: $(cat log.txt)"
    made slow EC
    if [ -n "${OBJECTS:-}" ]; then
        PKCS11_PROVIDER_DEBUG=file:log2.txt,level:2 objects delete "pkcs11:token=scenarios;object=slow?pin-value=$PIN"
        holds ' #[1-9][0-9]* delete pkcs11:token=scenarios;object=slow$' <log2.txt || die "the log has no step: $(cat log2.txt)"
    fi
    # Without threads there are none.
    configuration "pkcs11-async-threads = 0"
    clean openssl genpkey -propquery provider=pkcs11 -algorithm EC -pkeyopt group:P-256 -pkeyopt "$(place quiet)" -out quiet.pem
    [ ! -s stderr.txt ] || die "dots: $(cat stderr.txt)"
}

scenario_generate_refused() {
    local ec=(-algorithm EC -pkeyopt "group:P-256")
    genpkey "${ec[@]}" -pkeyopt "$(place there)" -out there.pem
    fails_genpkey "object=there;type=private" "${ec[@]}" -pkeyopt "$(place there)"
    genpkey "${ec[@]}" -pkeyopt "$(place there)" -pkeyopt pkcs11_allow_duplicate:yes -out there2.pem
    [ "$(count_of there)" = 4 ] || die "no duplicate"
    fails_genpkey "no token fits" "${ec[@]}" -pkeyopt "pkcs11_uri:pkcs11:token=nowhere;object=refused?pin-value=$PIN"
    fails_genpkey "several tokens fit" "${ec[@]}" -pkeyopt "pkcs11_uri:pkcs11:object=refused?pin-value=$PIN"
    fails_genpkey "no PIN for token" "${ec[@]}" -pkeyopt "pkcs11_uri:pkcs11:token=scenarios;object=refused"
    fails_genpkey "has no name for the new key" "${ec[@]}" -pkeyopt "pkcs11_uri:pkcs11:token=scenarios?pin-value=$PIN"
    fails_genpkey "must be private, or absent, for a key pair" "${ec[@]}" -pkeyopt "$(place refused ';type=cert')"
    fails_genpkey "colour" "${ec[@]}" -pkeyopt "$(place refused ';colour=red')"
    fails_genpkey 'pkcs11_key_usage does not accept the value "signing": use digitalSignature, nonRepudiation, ' "${ec[@]}" -pkeyopt pkcs11_key_usage:signing -pkeyopt "$(place refused)"
    fails_genpkey "without pkcs11_uri" "${ec[@]}" -pkeyopt pkcs11_sensitive:yes
    fails_genpkey "no curve is given" -algorithm EC -pkeyopt "$(place refused)"
    fails_genpkey "digest" -algorithm RSA-PSS -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt "$(place refused)"
    fails_genpkey "primes" -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3 -pkeyopt "$(place refused)"
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE
    PKCS11_PROVIDER_MODULE=$TEST_MODULE
    PKCS11_TEST_HIDE_MECHANISMS=0x1040 fails_genpkey "CKM_EC_KEY_PAIR_GEN" "${ec[@]}" -pkeyopt "$(place refused)"
    PKCS11_TEST_TOKEN_FLAGS=0x2 fails_genpkey "is write-protected" "${ec[@]}" -pkeyopt "$(place refused)"
    PKCS11_TEST_FAULTS=C_GenerateKeyPair:1=CKR_DEVICE_REMOVED fails_genpkey "CKR_DEVICE_REMOVED" "${ec[@]}" -pkeyopt "$(place refused)"
    PKCS11_TEST_FAULTS=C_OpenSession:1+=CKR_TOKEN_WRITE_PROTECTED fails_genpkey "CKR_TOKEN_WRITE_PROTECTED" "${ec[@]}" -pkeyopt "$(place refused)"
    PKCS11_TEST_FAULTS=C_GetAttributeValue:1-2=CKR_DEVICE_ERROR fails_genpkey "cannot be read" "${ec[@]}" -pkeyopt "$(place refused)"
    PKCS11_TEST_MAX_SESSIONS=1 genpkey "${ec[@]}" -pkeyopt "$(place one)" -out one.pem
    gone refused
}

scenario_import_keys() {
    objects_built
    local label
    for label in rsa ec256; do
        objects import-key "$TOKENS/$label.pem" "pkcs11:token=scenarios;object=copy-$label?pin-value=$PIN" >uri
        grep -q "object=copy-$label;type=private" uri || die "no URI"
        lacks "$PIN" <uri || die "the PIN is told"
        ossl dgst -sha256 -sign "$(cat uri)?pin-value=$PIN" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
        public_on_token "copy-$label" "$([ $label = rsa ] || echo EC)"
        cmp -s token.pub.pem "$(public_of $label)" || die "another public key"
        object_of "copy-$label" privkey | holds 'Access: *sensitive' || die "not sensitive"
        objects import-certificate "$(certificate_of $label)" "$(uri "copy-$label")"
        fails_objects "already" import-certificate "$(certificate_of $label)" "$(uri "copy-$label")"
        token_tool --read-object --type cert --label "copy-$label" --output-file cert.der >/dev/null
        plain x509 -inform DER -in cert.der -out cert.pem
        plain x509 -in "$(certificate_of $label)" -out expected.pem
        cmp -s cert.pem expected.pem || die "another certificate"
        [ "$(id_of "copy-$label" cert)" = "$(id_of "copy-$label" privkey)" ] || die "another id"
        object_of "copy-$label" cert | holds 'subject:.*CN=localhost' || die "another subject"
        # A TLS server and x509 take it from there.
        ossl x509 -in "pkcs11:token=scenarios;object=copy-$label;type=cert" -noout -subject >/dev/null
    done
    objects import-key --not-sensitive --extractable --always-authenticate "$TOKENS/ec256.pem" "pkcs11:token=scenarios;object=open?pin-value=$PIN" >uri
    object_of open privkey | holds 'Access: *always authenticate, extractable$' || die "another access: $(object_of open privkey)"
    fails_objects "is not on a token" import-certificate "$(certificate_of ec256)" "$TOKENS/rsa.pem"
    fails_objects "bad percent-encoding" import-certificate "$(certificate_of ec256)" "pkcs11:token=scenarios;object=rsa?pin-value=$PIN%"
    fails_objects "bad percent-encoding" import-key "pkcs11:token=scenarios;object=rsa?pin-value=$PIN%" "pkcs11:token=scenarios;object=new?pin-value=$PIN"
    fails_objects "cannot leave its token" import-key "$(uri rsa)" "pkcs11:token=scenarios;object=new?pin-value=$PIN"
    fails_objects "another key" import-certificate "pkcs11:token=scenarios;object=rsa;type=cert?pin-value=$PIN" "$(uri ec256)"
    fails_objects "another key" import-certificate "$(certificate_of ec384)" "$(uri copy-rsa)"
    fails_objects "already" import-key "$TOKENS/rsa.pem" "pkcs11:token=scenarios;object=copy-rsa?pin-value=$PIN"
    fails_objects "no token fits" import-key "$TOKENS/rsa.pem" "pkcs11:token=nowhere;object=new?pin-value=$PIN"
    fails_objects 'does not accept the value "everything": use digitalSignature' import-key --key-usage everything "$TOKENS/rsa.pem" "pkcs11:token=scenarios;object=new?pin-value=$PIN"
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE
    PKCS11_PROVIDER_MODULE=$TEST_MODULE
    PKCS11_TEST_FAULTS=C_CreateObject:2=CKR_DEVICE_MEMORY fails_objects "CKR_DEVICE_MEMORY" import-key "$TOKENS/rsa.pem" "pkcs11:token=scenarios;object=new?pin-value=$PIN"
    gone new
}

# What is wrong with a file is said, by the names that this program has for things.
scenario_import_reasons() {
    objects_built
    local place="pkcs11:token=scenarios;object=new?pin-value=$PIN"
    plain pkey -in "$TOKENS/rsa.pem" -aes256 -passout pass:secret -out locked.pem
    plain genpkey -algorithm DH -pkeyopt group:ffdhe2048 -out dh.pem
    fails_objects "nothing.pem cannot be read: No such file" import-key nothing.pem "$place"
    fails_objects "nothing.pem cannot be read: No such file" import-certificate nothing.pem "$(uri rsa)"
    fails_objects "$WORK is a folder" import-key "$WORK" "$place"
    fails_objects "rsa.pub.pem has no private key" import-key "$(public_of rsa)" "$place"
    fails_objects "rsa.cert.pem has no private key" import-key "$(certificate_of rsa)" "$place"
    fails_objects "rsa.pem has no certificate" import-certificate "$TOKENS/rsa.pem" "$(uri rsa)"
    fails_objects "DH keys are not supported" import-key dh.pem "$place"
    fails_objects "(--allow-duplicate makes another one" import-key "$TOKENS/rsa.pem" "$(uri rsa)"
    fails_objects "(--allow-duplicate makes another one" import-certificate "$(certificate_of rsa)" "$(uri rsa)"
    # Without an answer, with a wrong one, with the right one: one question, which names the file.
    fails_objects "unable to get passphrase" import-key locked.pem "$place"
    asked_once
    refuses answers wrong "$OBJECTS" --provider-path "$PROVIDER_DIR" import-key locked.pem "$place"
    asked_once
    holds "bad decrypt" <stderr.txt || die "nothing of the wrong pass phrase: $(cat stderr.txt)"
    gone new
    answers secret "$OBJECTS" --provider-path "$PROVIDER_DIR" import-key locked.pem "$place" || die "the pass phrase: $(cat stderr.txt)"
    asked_once
    public_on_token new RSA
    cmp -s token.pub.pem "$(public_of rsa)" || die "another key"
}
asked_once() { [ "$(grep -o 'Enter pass phrase for locked.pem' stderr.txt | wc -l)" = 1 ] || die "not one question: $(cat stderr.txt)"; }

# Of a chain, in whatever order, the key's own certificate is stored; what is left out is told.
scenario_import_chain() {
    objects_built
    cat "$(certificate_of ec256)" "$(certificate_of rsa3072)" "$(certificate_of ec384)" >chain.pem
    timeout "$PATIENCE" "${RUNNER[@]}" "$OBJECTS" --provider-path "$PROVIDER_DIR" import-certificate chain.pem "$(uri rsa3072)" 2>said || die "$(cat said)"
    holds "chain.pem that do not belong to this key, and were not stored: 2" <said || die "nothing of the others: $(cat said)"
    ossl x509 -in "pkcs11:token=scenarios;object=rsa3072;type=cert" -out stored.pem
    cmp -s stored.pem "$(certificate_of rsa3072)" || die "another certificate"
    fails_objects "another key" import-certificate chain.pem "$(uri ec521)"
}

scenario_delete_objects() {
    objects_built
    local twin="pkcs11:token=scenarios;object=twin"
    fails_objects "several objects fit" delete "$twin?pin-value=$PIN"
    grep 'id=%0C;object=twin;type=private' stderr.txt | holds 'id=%0D;object=twin;type=private' || die "the objects are not named"
    fails_objects "several objects fit" delete "$twin;type=private?pin-value=$PIN"
    fails_objects "names no object" delete "pkcs11:token=scenarios?pin-value=$PIN"
    fails_objects "names no object" delete --all "pkcs11:token=scenarios;object=?pin-value=$PIN"
    fails_objects "no object that fits" delete "pkcs11:token=scenarios;object=nobody?pin-value=$PIN"
    fails_objects "no PIN for token" delete "pkcs11:token=scenarios;object=ec384"
    fails_objects "cannot be deleted" delete "pkcs11:token=scenarios;object=ec384;type=data?pin-value=$PIN"
    [ "$(count_of twin)" = 3 ] || die "something was deleted"
    objects delete "$twin;id=%0d?pin-value=$PIN"
    [ "$(count_of twin)" = 2 ] || die "not the one key"
    objects delete "$twin?pin-value=$PIN"
    gone twin
    # A pair with a certificate: each by its type.
    fails_objects "type=cert" delete "pkcs11:token=scenarios;object=rsa?pin-value=$PIN"
    objects delete "pkcs11:token=scenarios;object=rsa;type=cert?pin-value=$PIN"
    [ "$(count_of rsa)" = 2 ] || die "not the certificate alone"
    objects delete "pkcs11:token=scenarios;object=rsa;type=private?pin-value=$PIN"
    object_of rsa pubkey | holds 'label: *rsa$' || die "the public key is gone"
    objects delete --all "pkcs11:token=scenarios;object=rsa?pin-value=$PIN"
    gone rsa
    token_tool --keygen --key-type AES:32 --label aes >/dev/null
    objects delete "pkcs11:token=scenarios;object=aes;type=secret-key?pin-value=$PIN"
    gone aes
    delete_unrelated
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE
    PKCS11_PROVIDER_MODULE=$TEST_MODULE
    PKCS11_TEST_FAULTS=C_DestroyObject:1=CKR_ACTION_PROHIBITED fails_objects "CKR_ACTION_PROHIBITED" delete "pkcs11:token=scenarios;object=ec384?pin-value=$PIN"
    PKCS11_TEST_TOKEN_FLAGS=0x2 fails_objects "is write-protected" delete "pkcs11:token=scenarios;object=ec384?pin-value=$PIN"
    [ "$(count_of ec384)" = 2 ] || die "something was deleted"
}

# A private and a public key of one name are a pair by their id and values, and by nothing else.
delete_unrelated() {
    local strange="pkcs11:token=scenarios;object=strange?pin-value=$PIN" id
    plain pkey -in "$TOKENS/rsa.pem" -outform DER -out private.der
    plain pkey -pubin -in "$(public_of rsa)" -outform DER -out own.der
    plain pkey -pubin -in "$(public_of rsa3072)" -outform DER -out other.der
    plain pkey -pubin -in "$(public_of ec256)" -outform DER -out curve.der
    for id in "" "--id 77"; do
        for file in other curve; do
            # shellcheck disable=SC2086 # none or two words
            store_halves private.der $file.der $id
            fails_objects "several objects fit" delete "$strange"
            [ "$(count_of strange)" = 2 ] || die "something was deleted with the id '$id'"
            objects delete --all "$strange"
        done
        # shellcheck disable=SC2086
        store_halves private.der own.der $id
        objects delete "$strange"
        gone strange
    done
}
store_halves() { # PRIVATE PUBLIC ID-OPTIONS...
    token_tool --write-object "$1" --type privkey --label strange "${@:3}" >/dev/null
    token_tool --write-object "$2" --type pubkey --label strange "${@:3}" >/dev/null
}

# OSSL_STORE_delete and genpkey of OpenSSL 3.5.
scenario_debian13_generation() {
    debian13
    tokens13
    local providers="-provider pkcs11 -provider default"
    works13 "openssl genpkey $providers -propquery provider=pkcs11 -algorithm EC -pkeyopt group:P-256 -pkeyopt '$(place thirteen)' -out new.pem
        grep -q 'BEGIN PKCS#11 PROVIDER URI' new.pem
        export PKCS11_PIN=$PIN
        openssl dgst $providers -sha256 -sign new.pem -out sig new.pem
        openssl pkey $providers -in new.pem -pubout -out pub.pem
        openssl dgst -sha256 -verify pub.pem -signature sig new.pem"
    # A file that can't be written leaves the pair on the token: the reference can be had without openssl.
    # (The status of 3.5's genpkey is 0.)
    works13 "openssl genpkey $providers -propquery provider=pkcs11 -algorithm EC -pkeyopt group:P-256 -pkeyopt '$(place left)' -out /nonexist/key.pem 2>said || true
        grep -q 'Error writing to outfile' said"
    works13 "pkcs11-uri2pem -o left.pem 'pkcs11:token=scenarios;object=left;type=private'
        PKCS11_PIN=$PIN openssl dgst $providers -sha256 -sign left.pem -out sig left.pem
        /mnt/pkcs11-objects delete 'pkcs11:token=scenarios;object=left?pin-value=$PIN'"
    refused13 "object=twin;type=private" "/mnt/tests/support/store_deleter 'pkcs11:token=scenarios;object=twin?pin-value=$PIN'"
    works13 "/mnt/tests/support/store_deleter 'pkcs11:token=scenarios;object=thirteen?pin-value=$PIN'"
    refused13 "no object that fits" "/mnt/tests/support/store_deleter 'pkcs11:token=scenarios;object=thirteen?pin-value=$PIN'"
}

# NSS softokn: another token that makes keys, and takes RSA keys.
scenario_generate_nss() {
    objects_built
    local library="" candidate label token="pkcs11:token=NSS%20Certificate%20DB"
    command -v certutil >/dev/null || { echo "libnss3-tools is not installed"; exit 77; }
    for candidate in /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so; do
        [ ! -e "$candidate" ] || library=$candidate
    done
    [ -n "$library" ] || { echo "libsoftokn3.so is not installed"; exit 77; }
    unset PKCS11_PROVIDER_MODULE
    echo "nss-$PIN" >pin.txt
    chmod 600 pin.txt
    mkdir db
    certutil -N -d sql:db -f pin.txt
    configuration "pkcs11-module-path = $library
pkcs11-module-init-args = configDir='sql:$WORK/db' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
pkcs11-module-token-pin = file:$WORK/pin.txt"
    clean openssl genpkey -propquery provider=pkcs11 -algorithm RSA -pkeyopt "pkcs11_uri:$token;object=new-rsa" -out new-rsa.pem
    clean openssl genpkey -propquery provider=pkcs11 -algorithm EC -pkeyopt group:P-256 -pkeyopt "pkcs11_uri:$token;object=new-ec" -out new-ec.pem
    for label in new-rsa new-ec; do
        certutil -K -d sql:db -f pin.txt | holds "$label" || die "NSS does not list $label"
        clean openssl dgst -sha256 -sign $label.pem -out sig data.bin
        clean openssl pkey -in $label.pem -pubout -out pub.pem
        plain dgst -sha256 -verify pub.pem -signature sig data.bin >/dev/null
    done
    objects import-key "$TOKENS/rsa.pem" "$token;object=copy" >uri
    clean openssl dgst -sha256 -sign "$(cat uri)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    objects import-certificate "$(certificate_of rsa)" "$(cat uri)"
    certutil -L -d sql:db | holds "^copy " || die "NSS does not list the certificate"
    objects delete "$token;object=copy;type=cert"
    objects delete "$token;object=copy"
    certutil -K -d sql:db -f pin.txt | lacks copy || die "the key is there still"
}
