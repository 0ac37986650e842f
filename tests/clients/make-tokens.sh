#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-tokens.sh FOLDER LET_DERIVE: makes the SoftHSM tokens of the scenarios in FOLDER (LET_DERIVE is tests/support's
# program). Keys are made by OpenSSL in software and written to the token, so that the public halves, by which everything
# is verified, come from elsewhere than the code under test.
set -euo pipefail

dir=$1 let_derive=$2
rm -rf "$dir"
mkdir -p "$dir/tokens"
cd "$dir"
exec </dev/null

pin=1234
export SOFTHSM2_CONF=$dir/softhsm2.conf OPENSSL_CONF=$dir/plain.cnf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n' "$dir/tokens" >softhsm2.conf
cat >plain.cnf <<'CONF'
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = localhost
[ext]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
CONF

for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ -e "$module" ] && break
done
[ -e "$module" ] || { echo "SoftHSM2 is not installed" >&2; exit 1; }
echo "$module" >module

# init_token LABEL: makes a token with a random serial number. It tries again if the PIN is in that number, or in the slot's
# number, which SoftHSM derives from it. Otherwise the tests that look for the PIN would find it.
init_token() {
    while true; do
        softhsm2-util --init-token --free --label "$1" --pin $pin --so-pin 5678 >/dev/null
        softhsm2-util --show-slots >slots
        [[ $(grep -E '^Slot |Serial number:' slots) == *$pin* ]] || break
        softhsm2-util --delete-token --token "$1" >/dev/null
    done
    rm slots
}
for label in scenarios empty retry; do init_token $label; done
tool() { pkcs11-tool --module "$module" --token-label scenarios --login --pin $pin "$@" >tool.log 2>&1 || { cat tool.log >&2; exit 1; }; }

# key LABEL ID "GENPKEY OPTIONS" [nopublic]: puts a pair on the token, and its public half and a certificate in files
key() {
    local label=$1 id=$2 options=$3 public=${4:-yes} usage=(--usage-sign --usage-decrypt)
    # One EC key must not derive, to test that error.
    [[ $options != *EC* || $label = withcert ]] || usage+=(--usage-derive)
    # shellcheck disable=SC2086 # the options are words
    openssl genpkey $options -out "$label.pem" 2>/dev/null
    openssl pkey -in "$label.pem" -pubout -out "$label.pub.pem"
    openssl req -new -x509 -key "$label.pem" -sha256 -days 3650 -out "$label.cert.pem" 2>/dev/null
    openssl pkcs8 -topk8 -nocrypt -in "$label.pem" -outform DER -out "$label.der"
    openssl pkey -in "$label.pem" -pubout -outform DER -out "$label.pub.der"
    tool --write-object "$label.der" --type privkey --id "$id" --label "$label" "${usage[@]}"
    [ "$public" = nopublic ] || tool --write-object "$label.pub.der" --type pubkey --id "$id" --label "$label"
}

rsa() { echo "-algorithm RSA -pkeyopt rsa_keygen_bits:$1"; }
ec() { echo "-algorithm EC -pkeyopt ec_paramgen_curve:$1 -pkeyopt ec_param_enc:named_curve"; }

key rsa 01 "$(rsa 2048)"
key rsa3072 02 "$(rsa 3072)"
key ec256 03 "$(ec P-256)"
key ec384 04 "$(ec P-384)"
key ec521 05 "$(ec P-521)"
key secp256k1 06 "$(ec secp256k1)"
key brainpool 07 "$(ec brainpoolP256r1)"
key project 70726f6a6563742f706f6c696379 "$(rsa 2048)" # CKA_ID is the text project/policy
key bare-rsa 0a "$(rsa 2048)" nopublic
key bare-ec 0b "$(ec P-256)" nopublic
key twin 0c "$(rsa 2048)"
key withcert 0e "$(ec P-256)" nopublic
openssl x509 -in withcert.cert.pem -outform DER -out withcert.cert.der
tool --write-object withcert.cert.der --type cert --id 0e --label withcert
openssl x509 -in rsa.cert.pem -outform DER -out rsa.cert.der
tool --write-object rsa.cert.der --type cert --id 01 --label rsa

# A second, other key with the label "twin".
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out twin2.pem 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in twin2.pem -outform DER -out twin2.der
tool --write-object twin2.der --type privkey --id 0d --label twin --usage-sign

# Generated on the token: keys on Edwards curves, and a key that signs only with PSS.
tool --keypairgen --key-type EC:edwards25519 --label ed25519 --id 10 --usage-sign
tool --keypairgen --key-type RSA:2048 --label pssonly --id 11 --usage-sign --allowed-mechanisms RSA-PKCS-PSS,SHA256-RSA-PKCS-PSS

# X25519 and X448 keys, which SoftHSM treats as Edwards keys.
xdh() { # LABEL ID ALGORITHM
    openssl genpkey -algorithm "$3" -out "$1.pem"
    openssl pkey -in "$1.pem" -pubout -out "$1.pub.pem"
    softhsm2-util --import "$1.pem" --token scenarios --label "$1" --id "$2" --pin $pin >tool.log 2>&1 || { cat tool.log >&2; exit 1; }
    "$let_derive" "$module" scenarios $pin "$1"
}
xdh x25519 12 X25519
xdh x448 13 X448
rm -f ./*.der tool.log
openssl ecparam -name prime256v1 -param_enc explicit -outform DER -out explicit-p256.der

# A second folder of tokens. It has names with all characters that URIs must encode, a key without a label, and keys on Edwards
# curves that also exist in software.
mkdir odd-tokens
sed "s|^directories.tokendir = .*|directories.tokendir = $dir/odd-tokens|" softhsm2.conf >odd.conf
export SOFTHSM2_CONF=$dir/odd.conf
odd='odd token; 1/2'
init_token "$odd"
odd_edwards() { # CURVE ID
    openssl genpkey -algorithm "$1" -out "odd-$1.pem"
    openssl pkey -in "odd-$1.pem" -pubout -out "odd-$1.pub.pem"
    softhsm2-util --import "odd-$1.pem" --token "$odd" --label "$1" --id "$2" --pin $pin >tool.log 2>&1 || { cat tool.log >&2; exit 1; }
}
odd_edwards ed25519 20
odd_edwards ed448 21
odd_key() { # FILE "GENPKEY OPTIONS" PKCS11-TOOL OPTIONS...
    # shellcheck disable=SC2086 # the options are words
    openssl genpkey $2 -out "$1.pem" 2>/dev/null
    openssl pkey -in "$1.pem" -pubout -out "$1.pub.pem"
    openssl pkcs8 -topk8 -nocrypt -in "$1.pem" -outform DER -out odd.der
    pkcs11-tool --module "$module" --token-label "$odd" --login --pin $pin --write-object odd.der --type privkey --usage-sign "${@:3}" >tool.log 2>&1 || { cat tool.log >&2; exit 1; }
    rm odd.der
}
odd_key odd-label "$(rsa 2048)" --label 'Schlüssel № 1; 100% /?&=#' --id 00ff2f3b
odd_key odd-nolabel "$(ec P-256)" --id 30
rm -f odd.conf tool.log
