# Other tokens than SoftHSM, as Debian has them.
# shellcheck shell=bash

# softokn: finds NSS's module, and writes the PIN of its databases.
softokn() {
    local candidate
    SOFTOKN=""
    command -v certutil >/dev/null || { echo "libnss3-tools is not installed"; exit 77; }
    for candidate in /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so; do
        [ ! -e "$candidate" ] || SOFTOKN=$candidate
    done
    [ -n "$SOFTOKN" ] || { echo "libsoftokn3.so is not installed"; exit 77; }
    unset PKCS11_PROVIDER_MODULE
    echo "nss-$PIN" >pin.txt
    chmod 600 pin.txt
}
# softokn_database NAME: a new one, and the configuration for it
softokn_database() {
    mkdir "db-$1"
    certutil -N -d "sql:db-$1" -f pin.txt
    configuration "pkcs11-module-path = $SOFTOKN
pkcs11-module-init-args = configDir='sql:$WORK/db-$1' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
pkcs11-module-token-pin = file:$WORK/pin.txt"
}

# NSS softokn: init arguments, buffers of exactly the right size, PKCS#11 3.0, and a second slot without a login.
scenario_token_nss_softokn() {
    local label key token="pkcs11:token=NSS%20Certificate%20DB"
    softokn
    # NSS names keys after the subject of their certificates, which is the same for all of ours: one database for each.
    for label in rsa ec256; do
        softokn_database "$label"
        plain pkcs12 -export -inkey "$TOKENS/$label.pem" -in "$(certificate_of $label)" -name $label -passout pass:x -out $label.p12
        pk12util -i $label.p12 -d "sql:db-$label" -k pin.txt -W x >/dev/null
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

# It has X25519 keys as EC keys, under an OID of its own, and their points without wrapping.
scenario_token_nss_softokn_x25519() {
    local key="pkcs11:token=NSS%20Certificate%20DB;type=private"
    softokn
    softokn_database x25519
    certutil -G -d sql:db-x25519 -k ec -q curve25519 -f pin.txt -z data.bin >certutil.log 2>&1 || die "certutil: $(cat certutil.log)"
    plain genpkey -algorithm X25519 -out peer.pem
    plain pkey -in peer.pem -pubout -out peer.pub.pem
    clean openssl pkey -in "$key" -pubout -out own.pub.pem
    clean openssl pkeyutl -derive -inkey "$key" -peerkey peer.pub.pem -out secret
    plain pkeyutl -derive -inkey peer.pem -peerkey own.pub.pem -out expected
    cmp -s secret expected || die "another secret"
}
