// SPDX-License-Identifier: Apache-2.0
#include "decryption.h"

#include <array>

#include <openssl/core_names.h>

namespace testing_support {

void configure(EVP_PKEY_CTX* context, const CipherOptions& options) {
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(context, options.padding), 1);
    if (options.digest != nullptr) {
        ASSERT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md_name(context, options.digest, nullptr), 1);
    }
    if (options.mgf1 != nullptr) {
        ASSERT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, options.mgf1, nullptr), 1);
    }
    if (!options.label.empty()) {
        ASSERT_EQ(EVP_PKEY_CTX_set0_rsa_oaep_label(
                      context, OPENSSL_memdup(options.label.data(), options.label.size()),
                      static_cast<int>(options.label.size())),
                  1);
    }
}

Bytes encrypt(const Bytes& message, const CipherOptions& options) {
    const auto key = publicKeyFromFile("rsa");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key.get(), nullptr));
    EVP_PKEY_encrypt_init(context.get());
    configure(context.get(), options);
    Bytes out(256);
    std::size_t size = out.size();
    EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &size, message.data(), message.size()),
              1);
    return out;
}

std::optional<Bytes> decrypt(const Instance& instance, EVP_PKEY* key, const Bytes& ciphertext,
                             const CipherOptions& options) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    EXPECT_EQ(EVP_PKEY_decrypt_init(context.get()), 1) << takeErrors();
    configure(context.get(), options);
    std::size_t size = 0;
    if (EVP_PKEY_decrypt(context.get(), nullptr, &size, ciphertext.data(), ciphertext.size()) != 1)
        return std::nullopt;
    Bytes out(size);
    if (EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(), ciphertext.size()) !=
        1)
        return std::nullopt;
    out.resize(size);
    return out;
}

std::optional<Bytes> decryptTls(const Instance& instance, EVP_PKEY* key, const Bytes& ciphertext,
                                unsigned version) {
    constexpr int tlsPadding = 7; // RSA_PKCS1_WITH_TLS_PADDING
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    const std::array params{
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end()};
    Bytes out(48);
    std::size_t size = out.size();
    if (EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), tlsPadding) != 1 ||
        EVP_PKEY_CTX_set_params(context.get(), params.data()) != 1 ||
        EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(), ciphertext.size()) !=
            1)
        return std::nullopt;
    out.resize(size);
    return out;
}

Bytes badlyPadded() {
    auto block = randomBytes(256);
    block[0] = 0;
    block[1] = 7;
    return encrypt(block, {RSA_NO_PADDING, nullptr, nullptr, {}});
}

} // namespace testing_support
