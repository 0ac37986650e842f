# SPDX-License-Identifier: Apache-2.0
# pkcs11-keyprovider: ocicrypt's key-provider protocol and annotations. What it wraps is opened by somebody else, too.
# shellcheck shell=bash

built_keyprovider() { [ -n "${KEYPROVIDER:-}" ] || { echo "pkcs11-keyprovider is not built"; exit 77; }; }

# ocicrypt hands over about as many bytes; more than RSA-2048 takes with OAEP.
keyprovider_contents() {
    built_keyprovider
    printf '{"symkeytype":"AES_256_CTR","symkey":"%s","digest":"sha256:%s","cipheroptions":{"nonce":"%s"}}' \
        "$(openssl rand -base64 32)" "$(openssl rand -hex 32)" "$(openssl rand -base64 16)" >contents
}

keyprovider() { clean "$KEYPROVIDER" --provider-path "$PROVIDER_DIR" "$@"; }

# refused WORDS INPUT OPTIONS...: an error in one line that has WORDS, status 1, nothing on standard output, no PIN.
refused() {
    local words=$1 input=$2 status=0
    shift 2
    [ -n "$words" ] || die "any error would do: $*"
    timeout "$PATIENCE" "${RUNNER[@]}" "$KEYPROVIDER" --provider-path "$PROVIDER_DIR" "$@" <"$input" >stdout.txt 2>stderr.txt || status=$?
    [ "$status" -eq 1 ] || die "status $status instead of 1: $*: $(cat stderr.txt)"
    [ ! -s stdout.txt ] || die "wrote something: $*"
    [ "$(wc -l <stderr.txt)" = 1 ] || die "says more than a line: $(cat stderr.txt)"
    grep -qF -- "$words" stderr.txt || die "does not say \"$words\": $(cat stderr.txt)"
    ! mentions_pin stderr.txt || die "tells the PIN: $*"
}

# The file FROM with a base64 text in it: request_wrap FROM KEY..., request_unwrap FROM KEY...
base64_list() {
    local one
    for one in "$@"; do printf '%s' "$one" | base64 -w0; echo; done | jq -R . | jq -cs .
}
request_wrap() {
    jq -cn --rawfile data <(base64 -w0 "$1") --argjson keys "$(base64_list "${@:2}")" \
        '{op: "keywrap", keywrapparams: {ec: {Parameters: {hsm: $keys, pubkeys: ["eA=="]}, DecryptConfig: {Parameters: null}}, optsdata: $data},
          keyunwrapparams: {dc: null, annotation: null}}'
}
request_unwrap() {
    jq -cn --rawfile data <(base64 -w0 "$1") --argjson keys "$(base64_list "${@:2}")" \
        '{op: "keyunwrap", keywrapparams: {ec: null, optsdata: null}, keyunwrapparams: {dc: {Parameters: {hsm: $keys, "pkcs11-yamls": ["eA=="]}}, annotation: $data}}'
}

# The program as ocicrypt runs it: protocol_wrap OUT RECIPIENT..., protocol_unwrap IN KEY... (contents are compared)
protocol() { timeout "$PATIENCE" "${RUNNER[@]}" "$KEYPROVIDER" --provider-path "$PROVIDER_DIR" --name hsm; }
protocol_wrap() {
    request_wrap contents "${@:2}" >request
    protocol <request >answer || die "keywrap for ${*:2}"
    jq -er .keywrapresults.annotation answer | base64 -d >"$1"
}
protocol_unwrap() {
    request_unwrap "$1" "${@:2}" >request
    protocol <request >answer || die "keyunwrap of $1 with ${*:2}"
    jq -er .keyunwrapresults.optsdata answer | base64 -d | cmp -s - contents || die "something else is unwrapped from $1 with ${*:2}"
}

opens() { # FILE KEY...: the command gives the contents back
    local options=() key
    for key in "${@:2}"; do options+=(-k "$key"); done
    keyprovider unwrap "${options[@]}" "$1" >opened
    cmp -s opened contents || die "something else comes out of $1 with ${*:2}"
}

scenario_keyprovider_protocol() {
    local key recipient
    keyprovider_contents
    for key in rsa rsa3072 bare-rsa ec256 ec384 ec521 bare-ec; do
        for recipient in "$(public_of $key)" "$(certificate_of $key)" "$(uri $key)"; do
            # That token does not tell the public half.
            [ "$recipient" != "$(uri bare-ec)" ] || continue
            protocol_wrap annotation "$recipient"
            protocol_unwrap annotation "$(uri $key)"
            protocol_unwrap annotation "$TOKENS/$key.pem"
        done
    done
    protocol_wrap annotation "$(uri rsa public)"
    protocol_unwrap annotation "$(uri rsa)"
    protocol_wrap annotation "pkcs11:token=scenarios;object=withcert;type=cert"
    protocol_unwrap annotation "$TOKENS/withcert.pem"
    # Where the request names no keys, those on the command line are taken.
    request_wrap contents >request
    keyprovider --version >version.txt
    "${RUNNER[@]}" "$KEYPROVIDER" --provider-path "$PROVIDER_DIR" -r "$(public_of rsa)" <request >answer
    jq -r .keywrapresults.annotation answer | base64 -d >annotation
    request_unwrap annotation >request
    "${RUNNER[@]}" "$KEYPROVIDER" --provider-path "$PROVIDER_DIR" -k "$(uri rsa)" <request >answer
    jq -r .keyunwrapresults.optsdata answer | base64 -d | cmp -s - contents || die "keys of the command line"
    # Any length.
    head -c 100000 /dev/urandom >contents
    protocol_wrap annotation "$(public_of rsa)"
    protocol_unwrap annotation "$(uri rsa)"
}

scenario_keyprovider_several_recipients() {
    keyprovider_contents
    keyprovider wrap -r "$(public_of rsa)" -r "$(public_of ec256)" -r "$(public_of rsa3072)" contents >annotation
    keyprovider inspect annotation >inspected
    [ "$(jq -c '[.version, .bytes, [.recipients[].algorithm]]' inspected)" = "[1,$(wc -c <contents),[\"RSA-OAEP-256\",\"ECDH-ES+A256KW\",\"RSA-OAEP-256\"]]" ] ||
        die "inspect says $(cat inspected)"
    local key
    for key in rsa ec256 rsa3072; do
        opens annotation "$(uri $key)"
        opens annotation "$WORK/absent.pem" "pkcs11:token=elsewhere;object=$key" "$(uri nothing)" "$(uri project)" "$(uri $key)"
    done
    refused "belongs to none of its 3 recipients" annotation unwrap -k "$(uri project)"
    refused "absent.pem cannot be read" annotation unwrap -k "$WORK/absent.pem" -k "$(uri project)"
    # No annotation for some of the recipients only.
    refused "absent.pem cannot be read" contents wrap -r "$(public_of rsa)" -r "$WORK/absent.pem"
    refused "no recipients were given" contents wrap
}

# Another JWE program reads the format.
scenario_keyprovider_is_jwe() {
    /usr/bin/python3 -c 'import jwcrypto' 2>/dev/null || { echo "python3-jwcrypto is not installed"; exit 77; }
    keyprovider_contents
    local key
    keyprovider wrap -r "$(uri rsa)" -r "$(uri ec256)" -r "$(uri ec384)" -r "$(uri ec521)" contents >annotation
    for key in rsa ec256 ec384 ec521; do
        /usr/bin/python3 - annotation "$TOKENS/$key.pem" >opened <<'PYTHON'
import sys
from jwcrypto import jwe, jwk
token = jwe.JWE()
with open(sys.argv[1]) as text, open(sys.argv[2], "rb") as key:
    token.deserialize(text.read(), jwk.JWK.from_pem(key.read()))
sys.stdout.buffer.write(token.payload)
PYTHON
        cmp -s opened contents || die "JWE is something else for $key"
    done
}

# decrypted_by_openssl ANNOTATION KEY HASH: the blob, by the openssl command with the key from its file
decrypted_by_openssl() {
    jq -r '.recipients[0].blob' "$1" | base64 -d >blob
    plain pkeyutl -decrypt -inkey "$TOKENS/$2.pem" -in blob -out opened -pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$3" -pkeyopt "rsa_mgf1_md:$3"
    cmp -s opened contents || die "openssl decrypts something else: $*"
}

scenario_keyprovider_ocicrypt_annotation() {
    keyprovider_contents
    local hash
    for hash in sha1 sha256; do
        keyprovider wrap --format pkcs11 --oaep-hash $hash -r "$(public_of rsa3072)" contents >annotation
        [ "$(jq -c '[.version, .recipients[0].version, .recipients[0].hash]' annotation)" = "[0,0,\"$hash\"]" ] || die "$(cat annotation)"
        decrypted_by_openssl annotation rsa3072 $hash
        opens annotation "$(uri rsa3072)"
        # What others wrote.
        plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa3072)" -in contents -out blob -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:$hash -pkeyopt rsa_mgf1_md:$hash
        jq -n --arg blob "$(base64 -w0 blob)" --arg hash $hash '{version: 0, recipients: [{version: 0, blob: $blob, hash: $hash}]}' >annotation
        opens annotation "$(uri rsa)" "$(uri rsa3072)"
        [ "$(keyprovider inspect annotation | jq -c '[.format, .recipients[0].hash, .recipients[0].bits]')" = "[\"pkcs11\",\"$hash\",3072]" ] || die "inspect"
        # As it is in a manifest, behind one that is for somebody else.
        keyprovider wrap --format pkcs11 --oaep-hash $hash --base64 -r "$TOKENS/odd-label.pub.pem" "$TOKENS/module" >other
        printf '%s,%s\n' "$(cat other)" "$(base64 -w0 annotation)" >manifest-value
        opens manifest-value "$(uri rsa3072)"
    done
    # An absent hash is SHA-1.
    keyprovider wrap --format pkcs11 --oaep-hash sha1 -r "$(public_of rsa3072)" contents | jq 'del(.recipients[].hash)' >annotation
    opens annotation "$(uri rsa3072)"
    # ocicrypt's own variable; and what its protocol can't.
    OCICRYPT_OAEP_HASHALG=sha1 keyprovider wrap --format pkcs11 -r "$(public_of rsa3072)" contents >annotation
    decrypted_by_openssl annotation rsa3072 sha1
    head -c 215 /dev/zero >contents
    refused "215 bytes are too long for OAEP with sha256 and an RSA key of 2048 bits, which takes at most 190" contents wrap --format pkcs11 -r "$(public_of rsa)"
    refused "supports only RSA keys" contents wrap --format pkcs11 -r "$(public_of ec256)"
}

scenario_keyprovider_refusals() {
    local name
    keyprovider_contents
    keyprovider wrap -r "$(public_of rsa)" -r "$(public_of ec256)" contents >annotation
    keyprovider wrap --format pkcs11 -r "$(public_of rsa3072)" contents >ocicrypts
    refused "no key opens the annotation" annotation unwrap -k "$(uri rsa3072)"
    refused "CKR_PIN_INCORRECT" annotation unwrap -k "pkcs11:token=scenarios;object=rsa;type=private?pin-value=$WRONG_PIN"
    refused "decryption failed" ocicrypts unwrap -k "$(uri rsa)"
    # Every part of the annotation is authenticated, or makes the key useless. The thumbprint is a hint alone.
    local parts=(.protected .iv .ciphertext .tag '.recipients[0].encrypted_key') words
    for name in "${parts[@]}"; do
        case $name in
        .protected) words="the annotation's protected header is not JSON" ;;
        *.encrypted_key) words="no key opens the annotation; recipient 1: pkcs11:token=scenarios;object=rsa;type=private: RSA-OAEP decryption failed" ;;
        *) words="no key opens the annotation; recipient 1: the contents are damaged: authentication failed" ;;
        esac
        jq -c "$name |= ((if .[5:6] == \"A\" then \"B\" else \"A\" end) as \$c | .[0:5] + \$c + .[6:])" annotation >damaged
        refused "$words" damaged unwrap -k "$(uri rsa)"
        jq -c "$name |= .[0:9]" annotation >damaged
        refused "\"${name##*.}\" is not base64url" damaged unwrap -k "$(uri rsa)"
        jq -c "del($name)" annotation >damaged
        refused "has no \"${name##*.}\"" damaged unwrap -k "$(uri rsa)"
    done
    jq -c '.recipients[1].header.epk.x |= ((if .[5:6] == "A" then "B" else "A" end) as $c | .[0:5] + $c + .[6:])' annotation >damaged
    refused "is not a point on P-256" damaged unwrap -k "$(uri ec256)"
    head -c 300 annotation >damaged
    refused "not JSON: it ends too early" damaged unwrap -k "$(uri rsa)"
    jq -c '.version = 7' annotation >damaged
    refused "version 7" damaged unwrap -k "$(uri rsa)"
    refused "version 7" damaged inspect
    jq -c '.recipients[0].version = 3' ocicrypts >damaged
    refused "recipient 1 of the annotation has version 3" damaged unwrap -k "$(uri rsa3072)"
    jq -c '.recipients[0].hash = "md5"' ocicrypts >damaged
    refused "neither sha1 nor sha256" damaged unwrap -k "$(uri rsa3072)"
    echo 'not base64!' >damaged
    refused "neither JSON nor base64" damaged unwrap -k "$(uri rsa)"
    head -c 10000000 /dev/zero | tr '\0' 'A' >huge
    refused "longer than 1048576 bytes" huge
    refused "longer than 1048576 bytes" huge unwrap -k "$(uri rsa)"
    refused "longer than 1048576 bytes" huge wrap -r "$(public_of rsa)"
    refused "huge is longer than 1048576 bytes" contents wrap -r "$WORK/huge"
    # The protocol.
    request_unwrap annotation "$(uri rsa)" >request
    head -c 100 request >damaged
    refused "the request is not JSON" damaged
    jq -c '.op = "keyburn"' request >damaged
    refused "neither keywrap nor keyunwrap" damaged
    jq -c '.keyunwrapparams.annotation = "?"' request >damaged
    refused "\"annotation\" is not base64" damaged
    jq -c '.keyunwrapparams.dc.Parameters.other = ["eA=="]' request >damaged
    refused "select this one with --name" damaged
    refused "no key to unwrap with" damaged --name third
    refused "is a folder" contents wrap -r "$WORK"
    refused "neither a key nor a certificate" contents wrap -r "$WORK/contents"
    refused "not expected" contents --nonsense
}

key_file() { # FILE URI-QUERY [VARIABLE VALUE]
    printf 'pkcs11:\n  uri: pkcs11:token=scenarios;object=rsa3072;type=private?pin-value=%s%s\nmodule:\n  env:\n    %s: %s\n' "$PIN" "$2" \
        "${3:-SOFTHSM2_CONF}" "${4:-$WORK/softhsm2.conf}" >"$1"
}

scenario_keyprovider_key_file() {
    keyprovider_contents
    local module folder
    module=$PKCS11_PROVIDER_MODULE
    folder=$(dirname "$module")
    unset PKCS11_PROVIDER_MODULE SOFTHSM2_CONF
    export HOME=$WORK XDG_CONFIG_HOME=$WORK
    [ ! -e /etc/ocicrypt.conf ] || { echo "/etc/ocicrypt.conf is somebody's"; exit 77; }
    key_file key.yaml '&module-name=softhsm2'
    keyprovider wrap --format pkcs11 -r "$(public_of rsa3072)" contents >annotation

    refused "no modules are allowed, because OCICRYPT_CONFIG is not set" annotation unwrap -k key.yaml
    printf 'module-directories:\n - %s\nallowed-module-paths:\n - %s\n' "$folder" "$module" >policy.yaml
    export OCICRYPT_CONFIG=$WORK/policy.yaml
    opens annotation key.yaml
    opens annotation pkcs11:key.yaml
    keyprovider wrap -r key.yaml contents >ours
    opens ours key.yaml
    key_file path.yaml "&module-path=$module"
    opens annotation path.yaml
    key_file folder.yaml "&module-name=softhsm2&module-path=$folder"
    opens annotation folder.yaml
    # Whatever the environment says, the policy's module it is.
    PKCS11_PROVIDER_MODULE=/nonexistent.so opens annotation key.yaml
    printf 'pkcs11:\n  module-directories: [%s]\n  allowed-module-paths: [%s/]\n' "$folder" "$folder" >policy.yaml
    opens annotation key.yaml
    mv policy.yaml ocicrypt.conf
    (unset OCICRYPT_CONFIG && opens annotation key.yaml)
    rm ocicrypt.conf
    if [ "$folder" = /usr/lib/softhsm ]; then OCICRYPT_CONFIG=internal opens annotation key.yaml; fi

    refused "policy.yaml cannot be read" annotation unwrap -k key.yaml
    printf 'module-directories: [%s]\nallowed-module-paths: [/usr/lib/other.so]\n' "$folder" >policy.yaml
    refused "no module fits module-name=softhsm2" annotation unwrap -k key.yaml
    refused "is not allowed" annotation unwrap -k path.yaml
    printf 'module-directories: [%s]\nallowed-module-paths: [%s/]\n' "$folder" "$(dirname "$folder")" >policy.yaml
    refused "is not allowed" annotation unwrap -k path.yaml
    key_file dots.yaml "&module-path=$(dirname "$folder")/x/../softhsm/libsofthsm2.so"
    refused "is not allowed" annotation unwrap -k dots.yaml
    printf 'module-directories: [' >policy.yaml
    refused "policy.yaml is not YAML: error in line" annotation unwrap -k key.yaml
    printf 'module-directories: [%s]\nallowed-module-paths: [%s]\n' "$folder" "$module" >policy.yaml
    key_file none.yaml ''
    refused "names no module" annotation unwrap -k none.yaml
    key_file steering.yaml '&module-name=softhsm2' PKCS11_PROVIDER_MODULE /tmp/evil.so
    refused "PKCS11_PROVIDER_MODULE is not a variable that a key file may set" annotation unwrap -k steering.yaml
    key_file second.yaml '&module-name=softhsm2' SOFTHSM2_CONF /elsewhere
    keyprovider wrap --format pkcs11 -r "$(public_of bare-rsa)" "$TOKENS/module" >annotation
    refused "another key file sets SOFTHSM2_CONF" annotation unwrap -k key.yaml -k second.yaml
    printf 'pkcs11: [' >broken.yaml
    refused "broken.yaml is not YAML" annotation unwrap -k broken.yaml
    printf 'something: else\n' >broken.yaml
    refused "broken.yaml is neither a key" annotation unwrap -k broken.yaml
}

# A key file can't choose a library by what other modules or p11-kit read, nor another policy for the next key file.
scenario_keyprovider_key_file_loads_nothing_else() {
    keyprovider_contents
    local module=$PKCS11_PROVIDER_MODULE name file
    unset PKCS11_PROVIDER_MODULE SOFTHSM2_CONF
    export HOME=$WORK XDG_CONFIG_HOME=$WORK
    cp "$module" evil.so
    mkdir -p .config/pkcs11/modules other
    echo "module: $WORK/evil.so" >.config/pkcs11/modules/evil.module
    keyprovider wrap --format pkcs11 -r "$(public_of rsa3072)" contents >annotation
    for name in pkcs11-spy.so p11-kit-proxy.so libp11-kit.so.0; do
        file=$(first_file "/usr/lib/*/$name" "/usr/lib/*/pkcs11/$name")
        key_file "$name.yaml" "&module-path=$file"
        OCICRYPT_CONFIG=internal PKCS11SPY=$WORK/evil.so refused "the module $file is not allowed" annotation unwrap -k "$name.yaml"
    done
    for name in PKCS11SPY HOME XDG_CONFIG_HOME; do
        key_file "$name.yaml" "&module-path=$module" $name "$WORK"
        OCICRYPT_CONFIG=internal refused "$name is not a variable that a key file may set" annotation unwrap -k "$name.yaml"
    done
    # Where the policy permits the variable, it is the module's, and the policy stays the one that was read first.
    printf 'allowed-module-paths: [%s]\nallowed-module-environment: [XDG_CONFIG_HOME]\n' "$module" >ocicrypt.conf
    printf 'allowed-module-paths: [%s]\n' "$WORK/evil.so" >other/ocicrypt.conf
    key_file first.yaml "&module-path=$module" XDG_CONFIG_HOME "$WORK/other"
    key_file second.yaml "&module-path=$WORK/evil.so"
    keyprovider wrap --format pkcs11 -r "$(public_of bare-rsa)" "$TOKENS/module" >annotation
    refused "the module $WORK/evil.so is not allowed (the policy is $WORK/ocicrypt.conf)" annotation unwrap -k first.yaml -k second.yaml
}

calls() { awk -v name="$1" '$1 == name {print $2}' counts; }
all_calls() { calls total; }

# What 100 layers cost: one login, and beside what one costs no more than two calls each with RSA. ECDH takes three:
# the secret is an object on the token, to be read and destroyed.
scenario_keyprovider_calls() {
    keyprovider_contents
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_PROVIDER_MODULE=$TEST_MODULE PKCS11_TEST_COUNTS=$WORK/counts
    local key each first number
    for key in rsa:2 ec256:3; do
        each=${key#*:} key=${key%:*}
        keyprovider wrap --base64 -r "$(public_of rsa3072)" -r "$(public_of "$key")" contents >line
        keyprovider unwrap --lines -k "$(uri "$key")" line >opened
        first=$(all_calls)
        # Two of them show that an EC key's public half is its own.
        [ "$first" -le 28 ] || die "$key: one unwrap takes $first calls: $(cat counts)"
        for number in {1..100}; do
            [ "$number" -gt 100 ] || cat line
        done >lines
        keyprovider unwrap --lines -k "$(uri "$key")" lines >opened
        [ "$(sort -u opened)" = "$(base64 -w0 contents)" ] || die "$key: something else comes out"
        [ "$(wc -l <opened)" = 100 ] || die "$key: $(wc -l <opened) lines"
        [ "$(calls C_Login)" = 1 ] || die "$key: $(calls C_Login) logins"
        # Three: the second use copies the key in a session of its own, and the copy is destroyed at the end.
        [ "$(all_calls)" -le $((first + 99 * each + 3)) ] || die "$key: $(all_calls) calls for 100, $first for one: $(cat counts)"
    done
}
