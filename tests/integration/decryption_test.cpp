// SPDX-License-Identifier: Apache-2.0
// RSA decryption through EVP.
#include <array>
#include <set>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "decryption.h"
#include "jobs.h"
#include "ossl/newer_openssl.h"

namespace {

using namespace testing_support;

using Options = CipherOptions;

const std::vector<Options> allOptions{{RSA_PKCS1_PADDING, nullptr, nullptr, {}},
                                      {RSA_PKCS1_OAEP_PADDING, nullptr, nullptr, {}},
                                      {RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", {}},
                                      {RSA_PKCS1_OAEP_PADDING, "SHA256", nullptr, {}},
                                      {RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", {}},
                                      {RSA_PKCS1_OAEP_PADDING, "SHA512", "SHA256", {1, 2, 3}},
                                      {RSA_PKCS1_OAEP_PADDING, "SHA3-256", nullptr, {}},
                                      {RSA_PKCS1_OAEP_PADDING, "SHA1", nullptr, {9}}};

TEST(Decryption, GivesWhatWasEncryptedInTwoCalls) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        const auto key = loadPrivate(instance, "rsa");
        for (const auto& options : allOptions) {
            const auto message = randomBytes(40);
            const auto ciphertext = encrypt(message, options);
            EXPECT_EQ(decrypt(instance, key.get(), ciphertext, options), message)
                << takeErrors(); // learns what the token does
            const CallCounter calls;
            EXPECT_EQ(decrypt(instance, key.get(), ciphertext, options), message);
            EXPECT_EQ(calls.total(), 2) << calls.log();
        }
    }
}

TEST(Decryption, WithoutPaddingGivesTheBlock) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    auto block = randomBytes(256);
    block[0] = 0;
    EXPECT_EQ(decrypt(instance, key.get(), encrypt(block, {RSA_NO_PADDING, nullptr, nullptr, {}}),
                      {RSA_NO_PADDING, nullptr, nullptr, {}}),
              block);
}

// Whatever is wrong with it, a bad OAEP ciphertext is one and the same failure.
TEST(Decryption, TellsNothingAboutABadOaepCiphertext) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const Options host{RSA_PKCS1_OAEP_PADDING, "SHA256", nullptr, {}};
    const Options token{RSA_PKCS1_OAEP_PADDING, "SHA1", nullptr, {}};
    std::set<std::string> errors;
    for (const auto& options : {host, token}) {
        const auto good = encrypt(randomBytes(32), options);
        for (std::size_t i = 1; i < good.size(); i += 25) {
            auto bad = good;
            bad[i] ^= 0x10;
            EXPECT_FALSE(decrypt(instance, key.get(), bad, options));
            errors.insert(takeErrors());
        }
        EXPECT_FALSE(decrypt(
            instance, key.get(),
            encrypt(randomBytes(32), {RSA_PKCS1_OAEP_PADDING, "SHA384", nullptr, {}}), options));
        errors.insert(takeErrors());
    }
    EXPECT_EQ(errors.size(), 1U) << *errors.begin() << *errors.rbegin();
    EXPECT_NE(errors.begin()->find("decryption failed"), std::string::npos);
}

// PKCS#1 v1.5: no failure at all, and for one ciphertext always the same answer.
TEST(Decryption, AnswersBadPkcs1PaddingWithASubstitute) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto again = loadPrivate(instance, "rsa");
    for (int i = 0; i < 20; ++i) {
        auto block = randomBytes(256);
        block[0] = 0;
        block[1] = 7;
        const auto ciphertext = encrypt(block, {RSA_NO_PADDING, nullptr, nullptr, {}});
        const auto first = decrypt(instance, key.get(), ciphertext, {});
        ASSERT_TRUE(first) << takeErrors();
        EXPECT_LE(first->size(), 245U);
        EXPECT_EQ(first, decrypt(instance, key.get(), ciphertext, {}));
        EXPECT_EQ(first, decrypt(instance, again.get(), ciphertext, {}))
            << "by another handle of the same key";
        EXPECT_EQ(takeErrors(), "");
    }
}

// The substitute depends on the key alone. Where the token tells no modulus it is the
// certificate's: without one, the substitute could be computed by everybody.
TEST(Decryption, MakesTheSameSubstituteWhereTheTokenTellsNoModulus) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto ciphertext = encrypt(Bytes(256, 7), {RSA_NO_PADDING, nullptr, nullptr, {}});
    const auto expected = decrypt(instance, key.get(), ciphertext, {});
    ASSERT_TRUE(expected) << takeErrors();

    const auto hidden = std::to_string(CKA_MODULUS);
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", hidden.c_str()), CKR_OK);
    const auto withoutModulus = loadPrivate(instance, "rsa");
    BIGNUM* modulus = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(withoutModulus.get(), OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    BN_free(modulus);
    EXPECT_EQ(decrypt(instance, withoutModulus.get(), ciphertext, {}), expected) << takeErrors();
    EXPECT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", nullptr), CKR_OK);
}

class Rejections : public ::testing::Test {
  protected:
    /// A decryption with "implicit-rejection", or without it.
    p11::ossl::PkeyCtx started(std::optional<unsigned> implicit) const {
        p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
        unsigned value = implicit.value_or(0);
        const std::array params{
            OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION, &value),
            OSSL_PARAM_construct_end()};
        EXPECT_EQ(EVP_PKEY_decrypt_init_ex(context.get(), implicit ? params.data() : nullptr), 1)
            << takeErrors();
        return context;
    }
    /// Nothing on failure.
    static std::optional<Bytes> messageIn(EVP_PKEY_CTX* context, const Bytes& ciphertext) {
        Bytes out(256);
        std::size_t size = out.size();
        if (EVP_PKEY_decrypt(context, out.data(), &size, ciphertext.data(), ciphertext.size()) != 1)
            return std::nullopt;
        out.resize(size);
        return out;
    }
    void expectError(EVP_PKEY_CTX* context) const {
        EXPECT_FALSE(messageIn(context, bad));
        EXPECT_EQ(takeErrors(), "invalid data: decryption failed\n");
        EXPECT_EQ(messageIn(context, good), message);
    }
    void expectSubstitute(EVP_PKEY_CTX* context) const {
        EXPECT_TRUE(messageIn(context, bad));
        EXPECT_EQ(takeErrors(), "");
        EXPECT_EQ(messageIn(context, good), message);
    }

    const Instance instance;
    const p11::ossl::Pkey key = loadPrivate(instance, "rsa");
    const Bytes message = randomBytes(40);
    const Bytes good = encrypt(message);
    const Bytes bad = badlyPadded();
};

TEST_F(Rejections, AreErrorsForThoseAloneWhoAskForThem) {
    expectSubstitute(started(std::nullopt).get());
    expectSubstitute(started(1).get());
    const auto context = started(0);
    expectError(context.get());
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    ASSERT_EQ(EVP_PKEY_CTX_ctrl_str(context.get(), "implicit-rejection", "1"), 1) << takeErrors();
    expectSubstitute(context.get());
    expectError(copy.get());
    ASSERT_EQ(EVP_PKEY_decrypt_init(copy.get()), 1);
    expectSubstitute(copy.get());
}

// So that the calls tell nobody but the program.
TEST_F(Rejections, CostTheSameCallsAsMessages) {
    expectSubstitute(started(1).get());
    for (const unsigned implicit : {0U, 1U})
        for (const auto& ciphertext : {good, bad}) {
            const auto context = started(implicit);
            const CallCounter calls;
            messageIn(context.get(), ciphertext);
            EXPECT_EQ(calls.total(), 2U) << calls.log();
        }
    takeErrors();
}

TEST_F(Rejections, AreTheSameInsideAnAsyncJob) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    Job job([&] {
        expectError(started(0).get());
        expectSubstitute(started(std::nullopt).get());
        return true;
    });
    EXPECT_TRUE(job.finish());
}

// As CMS looks for its recipient where it is not told which one it is (OpenSSL 3.2).
TEST_F(Rejections, FindTheOneOfSeveralRecipients) {
    const auto other = publicKeyFromFile("project");
    const p11::ossl::PkeyCtx sender(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), other.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_encrypt_init(sender.get()), 1);
    for (int i = 0; i < 20; ++i) {
        Bytes foreign(256);
        std::size_t size = foreign.size();
        ASSERT_EQ(
            EVP_PKEY_encrypt(sender.get(), foreign.data(), &size, message.data(), message.size()),
            1);
        EXPECT_FALSE(messageIn(started(0).get(), foreign));
        EXPECT_EQ(takeErrors(), "invalid data: decryption failed\n");
    }
    EXPECT_EQ(messageIn(started(0).get(), good), message);
}

TEST(Decryption, OfTlsSecretsAlwaysSucceeds) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    auto premaster = randomBytes(48);
    premaster[0] = 3;
    premaster[1] = 3;
    const auto run = [&](const Bytes& ciphertext, unsigned version) {
        const auto secret = decryptTls(instance, key.get(), ciphertext, version);
        EXPECT_TRUE(secret) << takeErrors();
        return secret;
    };
    const auto good = encrypt(premaster, {});
    EXPECT_EQ(run(good, 0x0303), premaster);
    EXPECT_NE(run(good, 0x0302), premaster);
    auto block = randomBytes(256);
    block[0] = 0;
    const auto bad = encrypt(block, {RSA_NO_PADDING, nullptr, nullptr, {}});
    EXPECT_NE(run(bad, 0x0303), run(bad, 0x0303));
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    EVP_PKEY_decrypt_init(context.get());
    EVP_PKEY_CTX_set_rsa_padding(context.get(), 7);
    Bytes out(48);
    std::size_t size = out.size();
    EXPECT_NE(EVP_PKEY_decrypt(context.get(), out.data(), &size, good.data(), good.size()), 1)
        << "without the client's version";
    takeErrors();
}

TEST(Decryption, RefusesCiphertextsOfTheWrongSize) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    for (const std::size_t size : {std::size_t{0}, std::size_t{257}, std::size_t{4096}}) {
        EXPECT_FALSE(decrypt(instance, key.get(), Bytes(size, 1), {}));
        EXPECT_NE(takeErrors().find(std::to_string(size) + " bytes"), std::string::npos);
    }
}

TEST(Decryption, EncryptsWithThePublicHalf) {
    const Instance instance(Order::providerFirst);
    const auto key = loadPrivate(instance, "rsa");
    const auto message = randomBytes(30);
    for (const auto& options : allOptions) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
        ASSERT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
        configure(context.get(), options);
        Bytes out(256);
        std::size_t size = out.size();
        ASSERT_EQ(
            EVP_PKEY_encrypt(context.get(), out.data(), &size, message.data(), message.size()), 1)
            << takeErrors();
        EXPECT_EQ(decrypt(instance, key.get(), out, options), message);
    }
}

// A ciphertext is a number, and OpenSSL takes it without its leading zeros, too.
TEST(Decryption, TakesACiphertextWithoutItsLeadingZeros) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto message = randomBytes(40);
    Options oaep;
    oaep.padding = RSA_PKCS1_OAEP_PADDING;
    Options label = oaep;
    label.label = Bytes{1, 2};
    for (const auto& options : {Options{}, oaep, label}) {
        auto ciphertext = encrypt(message, options);
        while (ciphertext.front() != 0)
            ciphertext = encrypt(message, options);
        ciphertext.erase(ciphertext.begin());
        ASSERT_EQ(ciphertext.size(), 255U);
        EXPECT_EQ(decrypt(instance, key.get(), ciphertext, options), message) << takeErrors();
    }
}

TEST(Decryption, WithoutPaddingTakesTheSizesThatSoftwareTakes) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto software = privateKeyFromFile(defaultOnly(), "rsa");
    const auto raw = [](OSSL_LIB_CTX* libctx, EVP_PKEY* with, std::size_t size) {
        const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, with, nullptr));
        const Bytes ciphertext(size, 3);
        Bytes out(256);
        std::size_t room = out.size();
        const bool good = EVP_PKEY_decrypt_init(context.get()) == 1 &&
                          EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
                          EVP_PKEY_decrypt(context.get(), out.data(), &room, ciphertext.data(),
                                           ciphertext.size()) == 1;
        return good ? out : Bytes();
    };
    EXPECT_FALSE(raw(defaultOnly(), software.get(), 256).empty());
    for (const std::size_t size : {1U, 100U, 255U, 256U, 257U})
        EXPECT_EQ(raw(instance.get(), key.get(), size), raw(defaultOnly(), software.get(), size))
            << size << takeErrors();
    ERR_clear_error();
}

} // namespace
