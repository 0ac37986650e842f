// SPDX-License-Identifier: Apache-2.0
// Who gets a token's digests (pkcs11-digest-token), and who does not.
#include "agreement.h"
#include "token_digests.h"

namespace {

using namespace testing_support;

// Nobody takes a digest that did not ask.
TEST(TokenDigestsOff, UnlessADirectiveNamesAToken) {
    const ConfiguredContext configured("", Order::providerFirst);
    EXPECT_FALSE(fetch(configured.get(), "SHA256"));
    takeErrors();
    EXPECT_FALSE(isOurs(fetch(configured.get(), "SHA256", nullptr)));
    EXPECT_FALSE(isOurs(fetch(configured.get(), "SHA256", "?provider=pkcs11")));
}

TEST(TokenDigestsOff, IfTheOperationIsBlocked) {
    const ConfiguredContext configured(digestDirective +
                                       "\npkcs11-module-block-operations = digest");
    EXPECT_FALSE(fetch(configured.get(), "SHA256"));
    takeErrors();
}

TEST(TokenDigestsOff, WithoutAQueryIfAnotherProviderIsFirst) {
    const ConfiguredContext configured(digestDirective);
    EXPECT_FALSE(isOurs(fetch(configured.get(), "SHA256", nullptr)));
    EXPECT_TRUE(isOurs(fetch(configured.get(), "SHA256")));
}

TEST(TokenDigestsOff, IfTheUriFitsSeveralTokensOrNone) {
    for (const auto& [uri, message] :
         {std::pair("pkcs11:", "scenarios"), std::pair("pkcs11:token=nosuch", "nosuch")}) {
        const ConfiguredContext configured(std::string("pkcs11-digest-token = ") + uri);
        const auto md = fetch(configured.get(), "SHA256");
        ASSERT_TRUE(isOurs(md));
        EXPECT_FALSE(begin(md));
        const auto errors = takeErrors();
        EXPECT_TRUE(contains(errors, message)) << errors;
    }
    const ConfiguredContext configured("pkcs11-digest-token = scenarios");
    EXPECT_FALSE(begin(fetch(configured.get(), "SHA256")));
    EXPECT_TRUE(contains(takeErrors(), "use a pkcs11: URI"));
}

// The token is slow, and may be another one than the key's. With this provider before `default`,
// even a fetch without a query would take it.
TEST(TokenDigestsOff, ForTheProvidersOwnHashing) {
    EXPECT_EQ(
        inChild([] {
            const ConfiguredContext configured(digestDirective, Order::providerFirst);
            OSSL_LIB_CTX_set0_default(configured.get());
            EXPECT_TRUE(isOurs(fetch(configured.get(), "SHA256", nullptr)));
            const auto key = load(configured.get(), uriOf("rsa"));
            const auto ecKey = load(configured.get(), uriOf("ec256"));
            const CallCounter calls;
            const Bytes message(100, 5);
            Bytes signature(256);
            std::size_t size = signature.size();
            const p11::ossl::MdCtx signer(EVP_MD_CTX_new());
            EVP_PKEY_CTX* options = nullptr;
            EXPECT_EQ(EVP_DigestSignInit_ex(signer.get(), &options, "SHA256", configured.get(),
                                            nullptr, key.get(), nullptr),
                      1);
            EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
            EXPECT_EQ(EVP_DigestSign(signer.get(), signature.data(), &size, message.data(),
                                     message.size()),
                      1)
                << takeErrors();
            const p11::ossl::MdCtx verifier(EVP_MD_CTX_new());
            EXPECT_EQ(EVP_DigestVerifyInit_ex(verifier.get(), &options, "SHA256", configured.get(),
                                              onToken, key.get(), nullptr),
                      1);
            EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
            EXPECT_EQ(EVP_DigestVerify(verifier.get(), signature.data(), size, message.data(),
                                       message.size()),
                      1)
                << takeErrors();
            for (const int padding : {RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING}) {
                const p11::ossl::PkeyCtx context(
                    EVP_PKEY_CTX_new_from_pkey(configured.get(), key.get(), onToken));
                Bytes ciphertext(256);
                Bytes plain(256);
                size = ciphertext.size();
                std::size_t plainSize = plain.size();
                EXPECT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
                EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), padding), 1);
                EXPECT_EQ(EVP_PKEY_encrypt(context.get(), ciphertext.data(), &size, message.data(),
                                           message.size()),
                          1)
                    << takeErrors();
                ciphertext.resize(size);
                EXPECT_EQ(EVP_PKEY_decrypt_init(context.get()), 1);
                EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), padding), 1);
                EXPECT_EQ(EVP_PKEY_decrypt(context.get(), plain.data(), &plainSize,
                                           ciphertext.data(), ciphertext.size()),
                          1)
                    << takeErrors();
            }
            const p11::ossl::PkeyCtx agreement(
                EVP_PKEY_CTX_new_from_pkey(configured.get(), ecKey.get(), nullptr));
            const auto peer = publicKeyFromFile("ec256");
            Bytes secret(48);
            size = secret.size();
            EXPECT_EQ(EVP_PKEY_derive_init(agreement.get()), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_type(agreement.get(), EVP_PKEY_ECDH_KDF_X9_63), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_md(agreement.get(), EVP_sha256()), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_outlen(agreement.get(), 48), 1);
            EXPECT_EQ(EVP_PKEY_derive_set_peer(agreement.get(), peer.get()), 1);
            EXPECT_EQ(EVP_PKEY_derive(agreement.get(), secret.data(), &size), 1) << takeErrors();
            EXPECT_EQ(calls.of("C_DigestInit"), 0U) << calls.log();
            return true;
        }),
        0);
}

// SoftHSM hashes with the default library context's own digests, which are the token's here.
TEST(TokenDigestsOff, ForAModuleThatAsksBack) {
    EXPECT_EQ(inChild([] {
                  const ConfiguredContext configured(digestDirective, Order::providerFirst);
                  OSSL_LIB_CTX_set0_default(configured.get());
                  const auto md = fetch(configured.get(), "SHA256", nullptr);
                  EXPECT_TRUE(isOurs(md));
                  for (const std::size_t size : {std::size_t{10}, mostKept + 1}) {
                      const auto message = randomBytes(size);
                      const auto context = begin(md);
                      EXPECT_TRUE(context && update(context, message)) << takeErrors();
                      EXPECT_EQ(finish(context), inSoftware("SHA256", message)) << takeErrors();
                  }
                  return true;
              }),
              0);
}

} // namespace
