// SPDX-License-Identifier: Apache-2.0
// Ciphers with AES keys on tokens (OpenSSL 3.5). Results are compared with OpenSSL's default
// provider, which works with the same bytes in a library context of its own.
#include <openssl/provider.h>

#include "skeys.h"

namespace {

using namespace testing_support;
using Calls = std::map<std::string, unsigned long>;

using Name = ::testing::TestParamInfo<std::string>;
std::string nameOf(const Name& given) {
    auto name = given.param;
    std::erase(name, '-');
    return name;
}

const std::vector<std::string> inPieces{"AES-128-ECB", "AES-192-ECB", "AES-256-ECB",
                                        "AES-128-CBC", "AES-192-CBC", "AES-256-CBC",
                                        "AES-128-CTR", "AES-192-CTR", "AES-256-CTR"};
class EachCipher : public Skeys, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(InPieces, EachCipher, ::testing::ValuesIn(inPieces), nameOf);
INSTANTIATE_TEST_SUITE_P(InOnePiece, EachCipher,
                         ::testing::Values("AES-128-GCM", "AES-192-GCM", "AES-256-GCM"), nameOf);
class EachCipherInPieces : public EachCipher {};
INSTANTIATE_TEST_SUITE_P(All, EachCipherInPieces, ::testing::ValuesIn(inPieces), nameOf);

TEST_P(EachCipher, DoesWhatSoftwareDoesInAnyPieces) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher(GetParam());
    const auto software = softwareCipher(GetParam());
    const auto value =
        randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    const auto key = instance.import(tokenUri, value);
    ASSERT_TRUE(key) << takeErrors();
    for (const std::size_t size : {1U, 15U, 16U, 17U, 32U, 1000U})
        for (const std::size_t piece : {1U, 7U, 16U, 33U, 5000U}) {
            if (isGcm(cipher.get()) && piece < size)
                continue;
            const auto data = randomBytes(size);
            const auto iv = ivFor(cipher.get());
            const auto expected =
                seal(begunWithBytes(software.get(), value, iv, true).get(), aad_, data, size);
            ASSERT_TRUE(expected);
            const auto made =
                seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, piece);
            ASSERT_EQ(made, expected) << size << " in pieces of " << piece << takeErrors();
            EXPECT_EQ(open(begun(cipher.get(), key.get(), iv, false).get(), aad_, *made,
                           isGcm(cipher.get()) ? size : piece),
                      data)
                << size << " in pieces of " << piece << takeErrors();
        }
}

TEST_P(EachCipher, IsTwoCallsForDataInOnePiece) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher(GetParam());
    const auto key = instance.generateFor(cipher.get());
    ASSERT_TRUE(key) << takeErrors();
    const auto iv = ivFor(cipher.get());
    ASSERT_TRUE(seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, aad_, 100))
        << takeErrors(); // opens a session, since the key keeps the one that it was made in
    for (const std::size_t size : {5U, 16U, 1000U}) {
        const auto data = randomBytes(size);
        const CallCounter encryption;
        const auto sealed = seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, size);
        ASSERT_TRUE(sealed) << takeErrors();
        EXPECT_EQ(encryption.all(), (Calls{{"C_EncryptInit", 1}, {"C_Encrypt", 1}})) << size;
        const CallCounter decryption;
        EXPECT_EQ(open(begun(cipher.get(), key.get(), iv, false).get(), aad_, *sealed, size + 16),
                  data);
        EXPECT_EQ(decryption.all(), (Calls{{"C_DecryptInit", 1}, {"C_Decrypt", 1}})) << size;
    }
}

TEST_P(EachCipherInPieces, CopiesGoOnByThemselves) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher(GetParam());
    const auto value =
        randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    const auto key = instance.import(tokenUri, value);
    ASSERT_TRUE(key) << takeErrors();
    const auto data = randomBytes(100);
    const auto iv = ivFor(cipher.get());
    const auto expected = inSoftware(GetParam(), value, iv, data);
    const auto context = begun(cipher.get(), key.get(), iv, true);
    Bytes start(64);
    int size = 0;
    ASSERT_EQ(EVP_CipherUpdate(context.get(), start.data(), &size, data.data(), 37), 1);
    start.resize(static_cast<std::size_t>(size));
    const CipherCtx copy(EVP_CIPHER_CTX_new());
    ASSERT_EQ(EVP_CIPHER_CTX_copy(copy.get(), context.get()), 1) << takeErrors();
    for (auto* each : {context.get(), copy.get()}) {
        const auto rest = through(each, Bytes(data.begin() + 37, data.end()), 100);
        ASSERT_TRUE(rest) << takeErrors();
        Bytes all = start;
        all.insert(all.end(), rest->begin(), rest->end());
        EXPECT_EQ(all, expected);
    }
}

// EVP takes the first cipher of a name; keys that are bytes must be as good as ever.
TEST_P(EachCipher, LeavesKeysInMemoryToOtherProvidersWhereItComesFirst) {
    const SymmetricInstance instance(Order::providerFirst);
    EXPECT_STREQ(OSSL_PROVIDER_get0_name(
                     EVP_CIPHER_get0_provider(instance.cipher(GetParam(), nullptr).get())),
                 "pkcs11");
    const auto cipher = instance.cipher(GetParam());
    const auto software = softwareCipher(GetParam());
    const auto value =
        randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(333);
    const auto expected =
        seal(begunWithBytes(software.get(), value, iv, true).get(), aad_, data, 100);
    const CallCounter calls;
    const auto made = seal(begunWithBytes(cipher.get(), value, iv, true).get(), aad_, data, 100);
    EXPECT_EQ(made, expected) << takeErrors();
    EXPECT_EQ(open(begunWithBytes(cipher.get(), value, iv, false).get(), aad_, *expected, 50),
              data);
    const auto key = instance.import("", value);
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, 100), expected)
        << takeErrors();
    EXPECT_EQ(calls.total(), 0U) << calls.log();
    for (const auto parameter : {EVP_CIPHER_get_mode, EVP_CIPHER_get_iv_length,
                                 EVP_CIPHER_get_block_size, EVP_CIPHER_get_key_length})
        EXPECT_EQ(parameter(cipher.get()), parameter(software.get()));
    EXPECT_EQ(EVP_CIPHER_get_flags(cipher.get()) & ~0xFUL,
              EVP_CIPHER_get_flags(software.get()) & ~0xFUL);
}

TEST_F(Skeys, WhatWasChangedIsNotDecrypted) {
    const SymmetricInstance instance;
    const auto key = instance.generate(tokenUri, 32);
    ASSERT_TRUE(key) << takeErrors();
    const auto data = randomBytes(40);
    const auto gcm = instance.cipher("AES-256-GCM");
    auto iv = ivFor(gcm.get());
    auto sealed = *seal(begun(gcm.get(), key.get(), iv, true).get(), aad_, data, 40);
    EXPECT_EQ(open(begun(gcm.get(), key.get(), iv, false).get(), aad_, sealed, 40), data);
    sealed.tag[3] ^= 1;
    EXPECT_FALSE(open(begun(gcm.get(), key.get(), iv, false).get(), aad_, sealed, 40));
    sealed.tag[3] ^= 1;
    EXPECT_FALSE(open(begun(gcm.get(), key.get(), iv, false).get(), randomBytes(3), sealed, 40));
    EXPECT_EQ(open(begun(gcm.get(), key.get(), iv, false).get(), aad_, sealed, 40), data);
    sealed.tag.clear();
    takeErrors();
    EXPECT_FALSE(through(begun(gcm.get(), key.get(), iv, false).get(), sealed.data, 40));
    EXPECT_NE(takeErrors().find("needs the tag before the data"), std::string::npos);
    EXPECT_FALSE(through(begun(gcm.get(), key.get(), iv, true).get(), data, 20));
    EXPECT_NE(takeErrors().find("in one piece"), std::string::npos);

    const auto cbc = instance.cipher("AES-256-CBC");
    iv = ivFor(cbc.get());
    auto text = *through(begun(cbc.get(), key.get(), iv, true).get(), data, 40);
    text[text.size() - 17] ^= 0x40; // the padding's last byte
    EXPECT_FALSE(through(begun(cbc.get(), key.get(), iv, false).get(), text, 100));
    text.pop_back();
    EXPECT_FALSE(through(begun(cbc.get(), key.get(), iv, false).get(), text, 100));
    const auto unpadded = begun(cbc.get(), key.get(), iv, true);
    EVP_CIPHER_CTX_set_padding(unpadded.get(), 0);
    EXPECT_FALSE(through(unpadded.get(), data, 40));
    EXPECT_NE(takeErrors().find("multiple of 16"), std::string::npos);
}

TEST_F(Skeys, DataWithoutABufferForTheResultIsNotDropped) {
    const SymmetricInstance instance;
    const auto key = instance.import(tokenUri, randomBytes(16));
    ASSERT_TRUE(key) << takeErrors();
    for (const char* name : {"AES-128-ECB", "AES-128-CBC", "AES-128-CTR"}) {
        const auto cipher = instance.cipher(name);
        const auto context = begun(cipher.get(), key.get(), ivFor(cipher.get()), true);
        int size = 0;
        EXPECT_EQ(EVP_CipherUpdate(context.get(), nullptr, &size, aad_.data(), 16), 0) << name;
        EXPECT_NE(takeErrors().find("has no data that is authenticated only"), std::string::npos);
    }
}

TEST_F(Skeys, AContextIsBegunAgainWithAnotherIvAndTheSameKey) {
    const SymmetricInstance instance;
    const auto value = randomBytes(16);
    const auto key = instance.import(tokenUri, value);
    ASSERT_TRUE(key) << takeErrors();
    for (const char* name : {"AES-128-CBC", "AES-128-CTR", "AES-128-GCM"}) {
        const auto cipher = instance.cipher(name);
        const auto context = begun(cipher.get(), key.get(), {}, true);
        int size = 0;
        Bytes none(64);
        EXPECT_EQ(EVP_CipherUpdate(context.get(), none.data(), &size, aad_.data(), 16), 0) << name;
        EXPECT_NE(takeErrors().find("no IV"), std::string::npos);
        for (int i = 0; i < 2; ++i) {
            const auto iv = ivFor(cipher.get());
            ASSERT_EQ(EVP_CipherInit_ex2(context.get(), nullptr, nullptr, iv.data(), -1, nullptr),
                      1)
                << takeErrors();
            const auto software = softwareCipher(name);
            EXPECT_EQ(seal(context.get(), aad_, value, 16),
                      seal(begunWithBytes(software.get(), value, iv, true).get(), aad_, value, 16))
                << name << takeErrors();
        }
    }
}

} // namespace
