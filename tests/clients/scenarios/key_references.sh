# SPDX-License-Identifier: Apache-2.0
# Key references: PEM files that name a key on a token, by openssl, by pkcs11-uri2pem and by pkcs11-provider.
# shellcheck shell=bash

built_uri2pem() { [ -n "${URI2PEM:-}" ] || { echo "pkcs11-uri2pem is not built"; exit 77; }; }

# reference_uri FILE: the URI in it, as ASN.1 tools see it
reference_uri() {
    plain asn1parse -in "$1" >parsed
    grep -q "VISIBLESTRING *:PKCS#11 Provider URI v1.0$" parsed || { cat parsed >&2; die "not the form of a reference: $1"; }
    [ "$(wc -l <parsed)" = 3 ] || { cat parsed >&2; die "more in it than a description and a URI: $1"; }
    sed -n 's/.*UTF8STRING *:\(.*\)$/\1/p' parsed
}

# signs_with FILE LABEL: in both orders of the providers
signs_with() {
    local order
    for order in "-provider pkcs11 -provider default" "-provider default -provider pkcs11"; do
        # shellcheck disable=SC2086 # the options are words
        clean openssl dgst -provider-path "$PROVIDER_DIR" $order -sha256 -sign "$1" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of "$2")" -signature sig data.bin >/dev/null
        # shellcheck disable=SC2086
        clean openssl pkey -provider-path "$PROVIDER_DIR" $order -in "$1" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of "$2")" || die "another public key: $1, $order"
    done
}

scenario_key_reference_files() {
    for label in rsa ec256; do
        ossl pkey -in "$(uri $label)" -out key.pem
        ossl dgst -sha256 -sign key.pem -passin "pass:$PIN" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
    done
    ossl pkey -in "$TOKENS/rsa.pem" -out software.pem # software keys are written as ever
    plain pkey -in software.pem -pubout -outform DER | cmp -s - <(plain pkey -pubin -in "$(public_of rsa)" -outform DER) || die "a software key was changed"
}

# However the PIN was given, it is not in what is written.
scenario_key_reference_without_pin() {
    local key="pkcs11:token=scenarios;object=rsa;type=private"
    (umask 077 && echo "$PIN" >pin.txt)
    for given in "$key?pin-value=$PIN" "$key;pin-value=$PIN" "$key?pin-source=file:$WORK/pin.txt"; do
        ossl pkey -in "$given" -out key.pem
        reference_uri key.pem >written
        grep -q ";object=rsa;type=private$" written || { cat written >&2; die "another URI"; }
        lacks "pin" <written || { cat written >&2; die "something about the PIN is in the file"; }
    done
    ossl storeutl -keys -text "$key?pin-value=$PIN" >text
    lacks -a "pin-value\|pin-source" <text || die "storeutl writes the PIN"
}

# What people and other programs do to PEM files.
scenario_key_reference_shapes() {
    built_uri2pem
    local label plain_uri
    (umask 077 && echo "$PIN" >pin.txt)
    for label in rsa ec256; do
        plain_uri="pkcs11:token=scenarios;object=$label;type=private"
        clean "$URI2PEM" --with-pin "$plain_uri?pin-value=$PIN" >bare.pem 2>/dev/null
        signs_with bare.pem $label
        { printf 'The key of the release: %s\n\n' "$plain_uri"; cat bare.pem; echo "and some text behind it"; } >commented.pem
        signs_with commented.pem $label
        sed 's/$/\r/' commented.pem >crlf.pem
        signs_with crlf.pem $label
        clean "$URI2PEM" "$plain_uri?pin-source=file:$WORK/pin.txt" >source.pem
        signs_with source.pem $label
        # As servers have it: the certificate before the key, or behind it.
        cat "$(certificate_of $label)" bare.pem >chain.pem
        signs_with chain.pem $label
        ossl x509 -in chain.pem -pubkey -noout -out pub.pem
        cat bare.pem "$(certificate_of $label)" >chain.pem
        signs_with chain.pem $label
        # Without a type, and by the id alone; and the public key by a reference.
        case $label in rsa) id=01 ;; *) id=03 ;; esac
        clean "$URI2PEM" "pkcs11:token=scenarios;id=%$id?pin-source=$WORK/pin.txt" >id.pem
        signs_with id.pem $label
        clean "$URI2PEM" "pkcs11:token=scenarios;id=%$id" >id.none.pem
        clean "$URI2PEM" "pkcs11:token=scenarios;object=$label;type=public" >public.pem
        ossl pkey -pubin -in public.pem -pubout -out pub.pem
        cmp -s pub.pem "$(public_of $label)" || die "another public key by a reference"
        ossl req -new -key bare.pem -subj /CN=x -out request.pem
        verifies_ok req -in request.pem -verify -noout
    done
    # Damage, and what is not ours, is refused without a crash.
    head -2 bare.pem >cut.pem
    fails "from cut.pem" openssl pkey "${PROV[@]}" -in cut.pem -noout
    sed '2s/^..../AAAA/' bare.pem >garbled.pem
    fails "from garbled.pem" openssl pkey "${PROV[@]}" -in garbled.pem -noout
    clean "$URI2PEM" "pkcs11:token=scenarios;object=absent" >absent.pem
    fails "no private key fits pkcs11:token=scenarios;object=absent" openssl pkey "${PROV[@]}" -passin "pass:$PIN" -in absent.pem -noout
    fails "CKR_PIN_INCORRECT" openssl dgst "${PROV[@]}" -sha256 -passin "pass:$WRONG_PIN" -sign id.none.pem -out sig data.bin
}

scenario_uri2pem() {
    built_uri2pem
    local key="pkcs11:token=scenarios;object=rsa;type=private" status option
    # Neither token nor module nor provider is needed, nor a configuration that can be read.
    echo "not a configuration [" >broken.cnf
    env -i OPENSSL_CONF=broken.cnf PKCS11_PROVIDER_MODULE=/nosuch.so "$URI2PEM" -o key.pem "$key"
    [ "$(reference_uri key.pem)" = "$key" ] || die "another URI"
    [ "$(stat -c %a key.pem)" = 600 ] || die "mode $(stat -c %a key.pem)"
    [ "$(head -1 key.pem)" = "-----BEGIN PKCS#11 PROVIDER URI-----" ] || die "another label"
    # A public key's, where nothing says which half is wanted.
    "$URI2PEM" -o public.ref.pem "pkcs11:token=scenarios;object=rsa;type=public"
    ossl storeutl -noout public.ref.pem >listed
    grep -q '^0: Public key' listed || die "another object: $(cat listed)"
    # From standard input, and to standard output.
    echo "$key" | "$URI2PEM" | cmp - key.pem
    printf '%s\r\n' "$key" | "$URI2PEM" -o - - | cmp - key.pem
    # The same bytes as the encoder's for the same URI.
    ossl pkey -in "$(uri rsa)" -out written.pem
    clean "$URI2PEM" "$(reference_uri written.pem)" | cmp - written.pem
    # An existing file is not touched without --force, and has its owner's mode with it.
    echo mine >mine.pem && chmod 644 mine.pem
    fails "mine.pem already exists; --force replaces it" "$URI2PEM" -o mine.pem "$key"
    [ "$(cat mine.pem)" = mine ] || die "the file was touched"
    clean "$URI2PEM" --force -o mine.pem "$key"
    cmp mine.pem key.pem
    [ "$(stat -c %a mine.pem)" = 600 ] || die "mode $(stat -c %a mine.pem) of a replaced file"
    ln -s key.pem link.pem && mkdir folder
    fails "link.pem already exists" "$URI2PEM" -o link.pem "$key"
    fails "link.pem is not a regular file" "$URI2PEM" --force -o link.pem "$key"
    fails "folder is not a regular file" "$URI2PEM" --force -o folder "$key"
    fails "nosuch/key.pem cannot be written: No such file" "$URI2PEM" -o nosuch/key.pem "$key"
    fails "nosuch/key.pem cannot be written: No such file" "$URI2PEM" --force -o nosuch/key.pem "$key"
    status=0
    timeout "$PATIENCE" "$URI2PEM" "$key" >/dev/full 2>said || status=$?
    [ $status = 1 ] || die "a full disk: status $status"
    grep -q "standard output cannot be written" said || { cat said >&2; die "a full disk"; }
    find . -name '*.pem.??????' | lacks . || die "a file of its own is left behind"
    clean "$URI2PEM" --help >help
    for option in --out --force --with-pin --check --provider-path --version; do grep -q -- $option help || die "no $option in --help"; done
    clean "$URI2PEM" --version >version
    grep -q '^pkcs11-uri2pem [0-9.]* (commit ' version || die "no version"
}

scenario_uri2pem_pins() {
    built_uri2pem
    local key="pkcs11:token=scenarios;object=rsa;type=private"
    for given in "$key?pin-value=$PIN" "$key;pin-value=$PIN"; do
        rm -f key.pem
        "$URI2PEM" -o key.pem "$given" 2>said
        grep -q "pin-value is left out of the file; --with-pin keeps it" said || { cat said >&2; die "no word about the PIN"; }
        [ "$(reference_uri key.pem)" = "$key" ] || die "another URI"
        clean "$URI2PEM" --with-pin --force -o key.pem "$given"
        [ "$(reference_uri key.pem)" = "$key?pin-value=$PIN" ] || die "another URI with the PIN"
    done
    clean "$URI2PEM" --force -o key.pem "$key?pin-source=file:/run/pin&module-name=softhsm2"
    reference_uri key.pem | holds -x "$key?pin-source=file%3A%2Frun%2Fpin&module-name=softhsm2" || die "another URI: $(reference_uri key.pem)"
    # What is wrong is said, and the PIN is not.
    fails 'attribute "tokn" is unknown' "$URI2PEM" "pkcs11:tokn=a?pin-value=$PIN"
    fails 'attribute "object" is given twice' "$URI2PEM" "pkcs11:object=a;object=b;pin-value=$PIN"
    fails 'does not begin with "pkcs11:"' "$URI2PEM" "file:$PIN"
    fails 'has a bad percent-encoding' "$URI2PEM" "pkcs11:object=%zz?pin-value=$PIN"
    fails '"type" must be private or public' "$URI2PEM" "pkcs11:object=a;type=cert?pin-value=$PIN"
    fails "not expected" "$URI2PEM" "$key" "another?pin-value=$PIN"
    fails "no URI was given" "$URI2PEM"
    "$URI2PEM" "pkcs11:token=scenarios" 2>said >key.pem
    grep -q 'neither "object" nor "id"' said || die "nothing is said about a URI that names no object"
}

# --check looks at the token, and nothing is written if the key is not there.
scenario_uri2pem_check() {
    built_uri2pem
    local key="pkcs11:token=scenarios;object=rsa;type=private"
    check() { "$URI2PEM" --check --provider-path "$PROVIDER_DIR" "$@"; }
    check -o key.pem "$key?pin-value=$PIN" 2>said
    [ "$(reference_uri key.pem)" = "$key" ] || die "another URI"
    clean "$URI2PEM" --check --provider-path "$PROVIDER_DIR" -o public.pem "pkcs11:token=scenarios;object=rsa;type=public"
    # It asks for the PIN, as openssl does. What is there already does not matter to who only wants to know.
    answers "$PIN" "$URI2PEM" --check --provider-path "$PROVIDER_DIR" "$key" || die "not with the PIN that was entered: $(cat stderr.txt)"
    holds 'Enter PIN for .*token=scenarios' <stderr.txt || die "no question: $(cat stderr.txt)"
    cmp stdout.txt key.pem
    fails "none was entered" "$URI2PEM" --check --provider-path "$PROVIDER_DIR" -o never.pem "$key"
    configuration "pkcs11-module-token-pin = $PIN"
    clean "$URI2PEM" --check -o configured.pem "$key"
    export OPENSSL_CONF=$TOKENS/plain.cnf
    for wrong in "pkcs11:token=scenarios;object=absent;type=private?pin-value=$PIN" "pkcs11:token=elsewhere;object=rsa?pin-value=$PIN" "$key?pin-value=$WRONG_PIN"; do
        case $wrong in *absent*) words="no private key fits" ;; *elsewhere*) words="no token fits" ;; *) words=CKR_PIN_INCORRECT ;; esac
        fails "$words" "$URI2PEM" --check --provider-path "$PROVIDER_DIR" -o never.pem "$wrong"
        [ ! -e never.pem ] || die "written all the same: $words"
    done
    fails "the provider pkcs11 is not loaded" "$URI2PEM" --check --provider-path /nosuch -o never.pem "$key"
}

# What pkcs11-uri2pem makes is read by pkcs11-provider, too; migration.sh has what the providers write.
scenario_debian13_uri2pem() {
    built_uri2pem
    debian13
    tokens13
    peers_configuration
    local reader label key
    for label in rsa ec256; do
        key="pkcs11:token=scenarios;object=$label;type=private"
        works13 "pkcs11-uri2pem -o $label-bare.pem '$key'
            pkcs11-uri2pem -o $label-source.pem '$key?pin-source=file:/srv/pinfile.txt'
            pkcs11-uri2pem --with-pin -o $label-pin.pem '$key;pin-value=$PIN'"
        # The latter two bring the PIN themselves.
        sed '/^pkcs11-module-token-pin/d' "$HOME13/openssl.cnf" >"$HOME13/nopin.cnf"
        for reader in peer ours; do
            cp "$HOME13/$reader.so" "$HOME13/pkcs11.so"
            works13 "openssl dgst -sha256 -sign $label-bare.pem -out bare.sig data.bin
                export OPENSSL_CONF=/srv/nopin.cnf
                openssl dgst -sha256 -sign $label-source.pem -out source.sig data.bin
                openssl dgst -sha256 -sign $label-pin.pem -out pin.sig data.bin"
            for made in bare source pin; do
                plain dgst -sha256 -verify "$(public_of "$label")" -signature "$HOME13/$made.sig" data.bin >/dev/null
            done
        done
    done
}
