// SPDX-License-Identifier: Apache-2.0
// AES keys on tokens by EVP_SKEY (OpenSSL 3.5): where they come from, and where they go.
#include <atomic>

#include "skeys.h"

namespace {

using namespace testing_support;
using Calls = std::map<std::string, unsigned long>;

TEST_F(Skeys, AGeneratedKeyStaysOnTheTokenAndIsFoundByItsUri) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher("AES-256-CBC");
    const auto iv = randomBytes(16);
    const auto data = randomBytes(50);
    std::string id;
    std::optional<Bytes> made;
    {
        const auto key = instance.generate(secretKeyUri("made"), 32);
        ASSERT_TRUE(key) << takeErrors();
        id = keyIdOf(key.get());
        EXPECT_EQ(id.find("pin-value"), std::string::npos);
        EXPECT_NE(id.find("object=made"), std::string::npos) << id;
        made = through(begun(cipher.get(), key.get(), iv, true).get(), data, 50);
        EXPECT_FALSE(instance.generate(secretKeyUri("made"), 32)) << "a second one of the name";
        EXPECT_NE(takeErrors().find("already"), std::string::npos);
    }
    for (const auto& uri : {secretKeyUri("made"), id + "?pin-value=1234"}) {
        const auto key = instance.import(uri);
        ASSERT_TRUE(key) << takeErrors();
        EXPECT_EQ(through(begun(cipher.get(), key.get(), iv, false).get(), *made, 100), data);
    }
    EXPECT_FALSE(instance.import(secretKeyUri("nosuch")));
    EXPECT_NE(takeErrors().find("no AES key fits"), std::string::npos);
}

TEST_F(Skeys, ASessionKeyGoesWithItsLastUser) {
    const SymmetricInstance instance;
    auto key = instance.generate(tokenUri, 16);
    ASSERT_TRUE(key) << takeErrors();
    const std::string id = std::string(keyIdOf(key.get())) + "?pin-value=1234";
    EXPECT_TRUE(instance.import(id)) << takeErrors();
    const CallCounter calls;
    key.reset();
    EXPECT_EQ(calls.all(), (Calls{{"C_DestroyObject", 1}}));
    EXPECT_FALSE(instance.import(id));
    takeErrors();
}

TEST_F(Skeys, ANewKeyThatCannotBeReadIsTakenAway) {
    const SymmetricInstance instance;
    for (const CK_RV rv : {CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID}) {
        // Of CKR_DEVICE_ERROR it is asked whether one attribute is meant.
        fault("C_GetAttributeValue", rv == CKR_DEVICE_ERROR ? "1-2" : "1", rv);
        const CallCounter calls;
        EXPECT_FALSE(instance.generate(secretKeyUri("orphan"), 16));
        EXPECT_EQ(calls.of("C_GenerateKey"), 1U);
        EXPECT_EQ(calls.of("C_DestroyObject"), 1U);
        EXPECT_NE(takeErrors().find("the new AES key cannot be read"), std::string::npos);
        noFaults();
    }
    EXPECT_TRUE(instance.generate(secretKeyUri("orphan"), 16)) << takeErrors();
}

TEST_F(Skeys, SensitiveKeysAreNotExported) {
    const SymmetricInstance instance;
    const auto key = instance.import(tokenUri, randomBytes(32));
    ASSERT_TRUE(key) << takeErrors();
    const unsigned char* raw = nullptr;
    std::size_t size = 0;
    EXPECT_NE(rawKeyOf(key.get(), &raw, &size), 1);
    EXPECT_NE(takeErrors().find("CKR_ATTRIBUTE_SENSITIVE"), std::string::npos);
}

TEST_F(Skeys, WrongSizesAndPlacesAreRefused) {
    const SymmetricInstance instance;
    const auto refused = [](const SecretKey& key, const char* words) {
        EXPECT_FALSE(key);
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(words), std::string::npos) << errors;
        EXPECT_EQ(errors.find("1234"), std::string::npos) << errors;
    };
    refused(instance.generate(tokenUri, 20), "16, 24 or 32 bytes");
    refused(instance.import(tokenUri, randomBytes(33)), "16, 24 or 32 bytes");
    refused(instance.import(""), "pkcs11_uri");
    refused(instance.generate("pkcs11:?pin-value=1234", 32), "several tokens fit");
    refused(instance.generate("pkcs11:token=nosuch?pin-value=1234", 32), "no token fits");
    refused(instance.generate("pkcs11:token=scenarios;object=x;type=private?pin-value=1234", 32),
            "secret-key");
    refused(instance.generate("nonsense", 32), "pkcs11");
    refused(instance.generate(secretKeyUri(""), 32), "no name");
    const auto key = instance.generate(tokenUri, 16);
    ASSERT_TRUE(key) << takeErrors();
    const auto cipher = instance.cipher("AES-256-CBC");
    const CipherCtx context(EVP_CIPHER_CTX_new());
    const auto iv = randomBytes(16);
    EXPECT_EQ(initCipher(context.get(), cipher.get(), key.get(), iv.data(), 16, 1, nullptr), 0);
    EXPECT_NE(takeErrors().find("takes a key of 32 bytes"), std::string::npos);
}

TEST_F(Skeys, ALossBetweenTwoPiecesDoesNoHarm) {
    const SymmetricInstance instance;
    const auto value = randomBytes(32);
    const auto key = instance.import(secretKeyUri("lossy"), value);
    ASSERT_TRUE(key) << takeErrors();
    const auto cipher = instance.cipher("AES-256-CBC");
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(200);
    const auto expected = inSoftware("AES-256-CBC", value, iv, data);
    for (const CK_RV rv :
         {CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_KEY_HANDLE_INVALID}) {
        fault("C_Encrypt", "2", rv);
        EXPECT_EQ(through(begun(cipher.get(), key.get(), iv, true).get(), data, 50), expected)
            << takeErrors();
        noFaults();
    }
    fault("C_Encrypt", "1+", CKR_DEVICE_ERROR);
    EXPECT_FALSE(through(begun(cipher.get(), key.get(), iv, true).get(), data, 50));
    EXPECT_NE(takeErrors().find("C_Encrypt answered CKR_DEVICE_ERROR"), std::string::npos);
    noFaults();
}

TEST_F(Skeys, ThreadsShareAKeyAndChildrenUseIt) {
    const SymmetricInstance instance;
    const auto value = randomBytes(16);
    const auto key = instance.import(secretKeyUri("shared"), value);
    ASSERT_TRUE(key) << takeErrors();
    const auto cipher = instance.cipher("AES-128-CTR");
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(100);
    const auto expected = inSoftware("AES-128-CTR", value, iv, data);
    const auto works = [&] {
        return through(begun(cipher.get(), key.get(), iv, true).get(), data, 30) == expected;
    };
    std::atomic<int> failures{0};
    inThreads(8, [&](int) {
        for (int n = 0; n < 20; ++n)
            failures += works() ? 0 : 1;
    });
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(inChild(works), 0);
    EXPECT_TRUE(works());
}

TEST(SkeysOff, AreNotOfferedUnlessConfigured) {
    const Instance instance;
    EXPECT_EQ(EVP_CIPHER_fetch(instance.get(), "AES-256-CBC", ours), nullptr);
    takeErrors();
}

TEST(SkeysOff, AreNotOfferedToAnOpenSslWithoutEvpSkey) {
    if (importSkey != nullptr)
        GTEST_SKIP() << "it has them";
    const SymmetricInstance instance;
    EXPECT_EQ(EVP_CIPHER_fetch(instance.get(), "AES-256-CBC", ours), nullptr);
    takeErrors();
}

} // namespace
