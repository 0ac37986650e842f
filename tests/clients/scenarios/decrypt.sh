# SPDX-License-Identifier: Apache-2.0
# Decryption: pkeyutl, cms, smime. What is encrypted is encrypted without the provider.
# shellcheck shell=bash

decrypts() { # pkeyutl options, the same for both sides
    head -c 32 /dev/urandom >secret
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" "$@" -in secret -out encrypted
    ossl pkeyutl -decrypt -inkey "$(uri rsa)" "$@" -in encrypted -out decrypted
    cmp -s secret decrypted || die "decryption gives something else: $*"
}

scenario_pkeyutl_decrypt() {
    decrypts
    decrypts -pkeyopt rsa_padding_mode:pkcs1
    decrypts -pkeyopt rsa_padding_mode:oaep
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha512 -pkeyopt rsa_mgf1_md:sha512
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_oaep_label:0102030405
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_oaep_label:c0ffee
    decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha3-256
}

scenario_pkeyutl_encrypt() {
    head -c 32 /dev/urandom >secret
    ossl pkeyutl -encrypt -pubin -inkey "$(uri rsa public)" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in secret -out encrypted
    plain pkeyutl -decrypt -inkey "$TOKENS/rsa.pem" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in encrypted -out decrypted
    cmp -s secret decrypted || die "encryption with the token's public key"
    ossl pkeyutl -encrypt -inkey "$(uri rsa)" -in secret -out encrypted # the private key's URI stands for its public half
    plain pkeyutl -decrypt -inkey "$TOKENS/rsa.pem" -in encrypted -out decrypted
    cmp -s secret decrypted || die "encryption with the private key's public half"
}

# flip FILE OFFSET: another byte there than before
flip() { printf '%02x' $((0x$(xxd -s "$2" -l 1 -p "$1") ^ 1)) | xxd -r -p | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }

scenario_pkeyutl_decrypt_bad_ciphertext() {
    head -c 32 /dev/urandom >secret
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in secret -out encrypted
    for at in 1 100 255; do
        cp encrypted flipped
        flip flipped $at
        fails "decryption failed" openssl pkeyutl "${PROV[@]}" -decrypt -inkey "$(uri rsa)" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in flipped -out decrypted
    done
    head -c 255 encrypted >truncated
    # A number like any other, whose leading zeros may be left out.
    fails "decryption failed" openssl pkeyutl "${PROV[@]}" -decrypt -inkey "$(uri rsa)" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in truncated -out decrypted
    head -c 257 /dev/zero >long
    fails "257 bytes" openssl pkeyutl "${PROV[@]}" -decrypt -inkey "$(uri rsa)" -in long -out decrypted
    # PKCS#1 v1.5: something else comes out, and the same in every process.
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -in secret -out encrypted
    flip encrypted 128
    ossl pkeyutl -decrypt -inkey "$(uri rsa)" -in encrypted -out first
    ossl pkeyutl -decrypt -inkey "$(uri rsa)" -in encrypted -out second
    cmp -s first second || die "the substitute for a bad ciphertext differs between processes"
    differ first secret || die "the ciphertext was not bad"
}

# Without -recip OpenSSL tries each recipient, and takes the substitute for another's content key for its own.
scenario_cms_decrypt_among_recipients() {
    local name
    for name in a "another name, which is long"; do # recipients are sorted: one before ours, one behind it
        plain req -new -x509 -key "$TOKENS/twin.pem" -subj "/CN=$name" -out other.pem
        plain cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail "$(certificate_of rsa)" other.pem
        ossl cms -decrypt -binary -inform DER -in mail -inkey "$(uri rsa)" -recip "$(certificate_of rsa)" -out content
        cmp -s content data.bin || die "cms -decrypt of a mail to rsa and $name"
        plain smime -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail "$(certificate_of rsa)" other.pem
        ossl smime -decrypt -binary -inform DER -in mail -inkey "$(uri rsa)" -recip "$(certificate_of rsa)" -out content
        cmp -s content data.bin || die "smime -decrypt of a mail to rsa and $name"
    done
}

scenario_cms_decrypt() {
    local options
    for options in "" "-keyopt rsa_padding_mode:oaep" "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"; do
        # shellcheck disable=SC2086 # the options are words
        plain cms -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail -recip "$(certificate_of rsa)" $options
        ossl cms -decrypt -binary -inform DER -in mail -inkey "$(uri rsa)" -recip "$(certificate_of rsa)" -out content
        cmp -s content data.bin || die "cms -decrypt with the certificate: $options"
        ossl cms -decrypt -binary -inform DER -in mail -inkey "$(uri rsa)" -out content
        cmp -s content data.bin || die "cms -decrypt without the certificate: $options"
    done
    plain smime -encrypt -binary -aes-256-cbc -in data.bin -outform DER -out mail "$(certificate_of rsa)"
    ossl smime -decrypt -binary -inform DER -in mail -inkey "$(uri rsa)" -recip "$(certificate_of rsa)" -out content
    cmp -s content data.bin || die "smime -decrypt"
}
