# Other tokens than SoftHSM, as Debian has them.
# shellcheck shell=bash

# NSS softokn: init arguments, buffers of exactly the right size, PKCS#11 3.0, and a second slot without a login.
scenario_token_nss_softokn() {
    local library="" candidate label token="pkcs11:token=NSS%20Certificate%20DB"
    command -v certutil >/dev/null || { echo "libnss3-tools is not installed"; exit 77; }
    for candidate in /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so; do
        [ ! -e "$candidate" ] || library=$candidate
    done
    [ -n "$library" ] || { echo "libsoftokn3.so is not installed"; exit 77; }
    unset PKCS11_PROVIDER_MODULE
    mkdir db
    echo "nss-$PIN" >pin.txt
    chmod 600 pin.txt
    certutil -N -d sql:db -f pin.txt
    for label in rsa ec256; do
        openssl pkcs12 -export -inkey "$TOKENS/$label.pem" -in "$(certificate_of $label)" -name $label -passout pass:x -out $label.p12
        pk12util -i $label.p12 -d sql:db -k pin.txt -W x >/dev/null
    done
    configuration "pkcs11-module-path = $library
pkcs11-module-init-args = configDir='sql:$WORK/db' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
pkcs11-module-token-pin = file:$WORK/pin.txt"
    clean openssl storeutl -noout "$token" >all
    for label in rsa ec256; do
        grep -q "object=$label;type=private" all || { cat all >&2; die "no private key $label in the list"; }
        clean openssl dgst -sha256 -sign "$token;object=$label;type=private" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
        clean openssl pkey -in "$token;object=$label;type=private" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of $label)" || die "another public key: $label"
    done
    head -c 30 data.bin >secret
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -in secret -out encrypted -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
    clean openssl pkeyutl -decrypt -inkey "$token;object=rsa;type=private" -in encrypted -out decrypted -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
    cmp -s secret decrypted || die "another secret"
    clean openssl dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign "$token;object=rsa;type=private" -out sig data.bin
    plain dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
}
