// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/exercise.h"

#include <array>
#include <string>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "ossl/handles.h"
#include "tests/fuzz/provider_instance.h"

namespace fuzz {
namespace {

// The check of a public key is OpenSSL's own, and slow for large numbers.
constexpr int largestChecked = 2048;

constexpr std::array<const char*, 6> digests{"SHA256",   "SHA1",     "SHA512",
                                             "SHA3-256", "MD5-SHA1", nullptr};
constexpr std::array<int, 6> paddings{0,
                                      RSA_PKCS1_PADDING,
                                      RSA_PKCS1_PSS_PADDING,
                                      RSA_NO_PADDING,
                                      RSA_PKCS1_OAEP_PADDING,
                                      RSA_PKCS1_WITH_TLS_PADDING};
constexpr std::array<int, 6> saltLengths{
    RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_AUTO, RSA_PSS_SALTLEN_MAX, 0, 1, 100000};

void write(EVP_PKEY* key, int selection, const char* form) {
    const p11::ossl::Owner<OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free> encoder(
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, form, nullptr, nullptr));
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    OSSL_ENCODER_to_bio(encoder.get(), out.get());
}

void readValues(EVP_PKEY* key) {
    std::array<unsigned char, 512> octets{};
    std::array<char, 64> text{};
    std::size_t size = 0;
    BIGNUM* number = nullptr;
    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size(),
                                    &size);
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, text.data(), text.size(),
                                   &size);
    EVP_PKEY_get_default_digest_name(key, text.data(), text.size());
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &number);
    BN_free(number);
}

void compare(EVP_PKEY* key) {
    const p11::ossl::Pkey copy(EVP_PKEY_dup(key));
    if (copy)
        EVP_PKEY_eq(key, copy.get());
}

void check(EVP_PKEY* key) {
    if (EVP_PKEY_get_bits(key) > largestChecked)
        return;
    const p11::ossl::PkeyCtx checker(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
    if (checker)
        EVP_PKEY_public_check(checker.get());
}

// Gives bytes to `produce` as OpenSSL's functions want it: asked for the size first.
template <typename Produce>
void produceInto(Produce&& produce) {
    std::size_t size = 0;
    if (produce(nullptr, &size) != 1)
        return;
    std::vector<unsigned char> out(size);
    if (produce(out.data(), &size) == 1)
        require(size <= out.size());
}

void setOptions(EVP_PKEY_CTX* context, Input& options) {
    if (const int padding = options.choice(paddings); padding != 0)
        EVP_PKEY_CTX_set_rsa_padding(context, padding);
    if (const int salt = options.choice(saltLengths); salt != RSA_PSS_SALTLEN_DIGEST)
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt);
}

// The public half of another key of the same kind.
p11::ossl::Pkey peerFor(EVP_PKEY* key) {
    const p11::ossl::PkeyCtx generator(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
    EVP_PKEY* made = nullptr;
    if (!generator || EVP_PKEY_keygen_init(generator.get()) != 1 ||
        EVP_PKEY_generate(generator.get(), &made) != 1)
        return nullptr;
    const p11::ossl::Pkey pair(made);
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(made, &der);
    const unsigned char* position = der;
    p11::ossl::Pkey peer(size > 0 ? d2i_PUBKEY_ex(nullptr, &position, size, libctx(), nullptr)
                                  : nullptr);
    OPENSSL_free(der);
    return peer;
}

} // namespace

// One bit for each, since most of it is OpenSSL's own work, and takes long.
void inspect(EVP_PKEY* key, Input& options) {
    const unsigned choice = options.byte();
    EVP_PKEY_get_size(key);
    EVP_PKEY_get_security_bits(key);
    readValues(key);
    if ((choice & 1) != 0)
        compare(key);
    if ((choice & 2) != 0)
        check(key);
    if ((choice & 4) != 0)
        write(key, EVP_PKEY_PUBLIC_KEY, "DER");
    if ((choice & 8) != 0)
        write(key, EVP_PKEY_KEYPAIR, "PEM");
    if ((choice & 16) != 0)
        write(key, EVP_PKEY_KEYPAIR, "TEXT");
}

void sign(EVP_PKEY* key, Input& options) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* settings = nullptr;
    const bool edwards = EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1;
    const char* digest = edwards ? nullptr : options.choice(digests);
    if (EVP_DigestSignInit_ex(context.get(), &settings, digest, libctx(), nullptr, key, nullptr) !=
        1)
        return;
    setOptions(settings, options);
    const std::array<unsigned char, 40> data{};
    produceInto([&](unsigned char* out, std::size_t* size) {
        return EVP_DigestSign(context.get(), out, size, data.data(), data.size());
    });
}

void decrypt(EVP_PKEY* key, Input& options) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1)
        return;
    setOptions(context.get(), options);
    unsigned version = options.byte();
    const std::array params{
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX_set_params(context.get(), params.data());
    const std::vector<unsigned char> data(static_cast<std::size_t>(EVP_PKEY_get_size(key)), 1);
    produceInto([&](unsigned char* out, std::size_t* size) {
        return EVP_PKEY_decrypt(context.get(), out, size, data.data(), data.size());
    });
}

void derive(EVP_PKEY* key, Input& options) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
    if (!context || EVP_PKEY_derive_init(context.get()) != 1)
        return;
    const unsigned choice = options.byte();
    if ((choice & 1) != 0) {
        EVP_PKEY_CTX_set_ecdh_kdf_type(context.get(), EVP_PKEY_ECDH_KDF_X9_63);
        EVP_PKEY_CTX_set_ecdh_kdf_md(context.get(), EVP_sha256());
        EVP_PKEY_CTX_set_ecdh_kdf_outlen(context.get(), static_cast<int>(choice));
    }
    EVP_PKEY_CTX_set_ecdh_cofactor_mode(context.get(), (choice & 2) != 0 ? 1 : -1);
    const auto pair = (choice & 4) != 0 ? peerFor(key) : nullptr;
    if (EVP_PKEY_derive_set_peer(context.get(), pair ? pair.get() : key) != 1)
        return;
    produceInto([&](unsigned char* out, std::size_t* size) {
        return EVP_PKEY_derive(context.get(), out, size);
    });
}

} // namespace fuzz
