# Other tokens than SoftHSM, as Debian has them.
# shellcheck shell=bash

# NSS softokn: init arguments, buffers of exactly the right size, PKCS#11 3.0, and a second slot without a login.
scenario_token_nss_softokn() {
    local library="" candidate label key token="pkcs11:token=NSS%20Certificate%20DB"
    command -v certutil >/dev/null || { echo "libnss3-tools is not installed"; exit 77; }
    for candidate in /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so; do
        [ ! -e "$candidate" ] || library=$candidate
    done
    [ -n "$library" ] || { echo "libsoftokn3.so is not installed"; exit 77; }
    unset PKCS11_PROVIDER_MODULE
    echo "nss-$PIN" >pin.txt
    chmod 600 pin.txt
    # NSS names keys after the subject of their certificates, which is the same for all of ours: one database for each.
    for label in rsa ec256; do
        mkdir "db-$label"
        certutil -N -d "sql:db-$label" -f pin.txt
        plain pkcs12 -export -inkey "$TOKENS/$label.pem" -in "$(certificate_of $label)" -name $label -passout pass:x -out $label.p12
        pk12util -i $label.p12 -d "sql:db-$label" -k pin.txt -W x >/dev/null
        configuration "pkcs11-module-path = $library
pkcs11-module-init-args = configDir='sql:$WORK/db-$label' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
pkcs11-module-token-pin = file:$WORK/pin.txt"
        clean openssl storeutl -noout "$token" >all
        grep -q "object=$label;type=private" all || { cat all >&2; die "no private key $label in the list"; }
        key="$token;object=$label;type=private"
        clean openssl dgst -sha256 -sign "$key" -out sig data.bin
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
        clean openssl pkey -in "$key" -pubout -out pub.pem
        cmp -s pub.pem "$(public_of $label)" || die "another public key: $label"
        [ $label = rsa ] || continue
        head -c 30 data.bin >secret
        plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -in secret -out encrypted -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
        clean openssl pkeyutl -decrypt -inkey "$key" -in encrypted -out decrypted -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
        cmp -s secret decrypted || die "another secret"
        clean openssl dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign "$key" -out sig data.bin
        plain dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    done
}
