// SPDX-License-Identifier: Apache-2.0
// AES keys on tokens: what must not be accepted, and not be used again (OpenSSL 3.5).
#include <array>

#include "skeys.h"

namespace {

using namespace testing_support;

using CipherGuards = Skeys;

const std::string fresh = "pkcs11:token=scenarios;object=fresh";

std::string withId(const char* id) {
    return fresh + ";id=%" + id + "?pin-value=1234";
}

// NIST SP 800-38D, section 8: a second message with the IV of the first tells the key of the tags.
TEST_F(CipherGuards, GcmTakesNoSecondMessageWithoutAnIvOfItsOwn) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher("AES-256-GCM");
    const auto key = instance.generateFor(cipher.get());
    const auto context = begun(cipher.get(), key.get(), ivFor(cipher.get()), true);
    const auto data = randomBytes(40);
    ASSERT_TRUE(seal(context.get(), aad_, data, 40)) << takeErrors();
    EVP_CipherInit_ex2(context.get(), nullptr, nullptr, nullptr, 1, nullptr);
    EXPECT_FALSE(seal(context.get(), aad_, data, 40));
    EXPECT_NE(takeErrors().find("no IV is set"), std::string::npos);
    const auto iv = ivFor(cipher.get());
    ASSERT_EQ(EVP_CipherInit_ex2(context.get(), nullptr, nullptr, iv.data(), 1, nullptr), 1);
    EXPECT_TRUE(seal(context.get(), aad_, data, 40)) << takeErrors();
}

TEST_F(CipherGuards, GcmComparesATagThatWasCut) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher("AES-128-GCM");
    const auto key = instance.generateFor(cipher.get());
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(40);
    auto sealed = seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, 40);
    ASSERT_TRUE(sealed) << takeErrors();
    for (const std::size_t size : {15U, 12U}) {
        sealed->tag.resize(size);
        EXPECT_EQ(open(begun(cipher.get(), key.get(), iv, false).get(), aad_, *sealed, 40), data)
            << size << takeErrors();
        auto changed = *sealed;
        changed.tag.back() ^= 1;
        EXPECT_FALSE(open(begun(cipher.get(), key.get(), iv, false).get(), aad_, changed, 40));
        takeErrors();
    }
}

// PKCS#7: 1 to 16 bytes of their number.
TEST_F(CipherGuards, CbcComparesAllBytesOfThePadding) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher("AES-256-CBC");
    const auto key = instance.generateFor(cipher.get());
    const auto iv = ivFor(cipher.get());
    const auto opens = [&](const Bytes& block) {
        const auto encryption = begun(cipher.get(), key.get(), iv, true);
        EVP_CIPHER_CTX_set_padding(encryption.get(), 0);
        const auto made = through(encryption.get(), block, block.size());
        EXPECT_TRUE(made) << takeErrors();
        return through(begun(cipher.get(), key.get(), iv, false).get(), made.value_or(Bytes{}), 16);
    };
    Bytes block(16, 0x5a);
    block[15] = 1;
    EXPECT_EQ(opens(block), Bytes(15, 0x5a)) << takeErrors();
    EXPECT_EQ(opens(Bytes(16, 16)), Bytes()) << takeErrors();
    for (const int wrong : {0, 2, 3, 16, 17, 255}) {
        block[15] = static_cast<unsigned char>(wrong);
        EXPECT_FALSE(opens(block)) << wrong;
        EXPECT_NE(takeErrors().find("the data cannot be decrypted"), std::string::npos);
    }
    EXPECT_FALSE(opens(Bytes(16, 0)));
    takeErrors();
}

// SoftHSM tells the check value (CKA_CHECK_VALUE).
TEST_F(CipherGuards, AnotherKeyOfTheSameNameDoesNotEncrypt) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher("AES-128-CTR");
    const auto iv = ivFor(cipher.get());
    const auto key = instance.generate(withId("77"), 16);
    ASSERT_TRUE(key) << takeErrors();
    const auto encrypts = [&] {
        return through(begun(cipher.get(), key.get(), iv, true).get(), Bytes(20), 20).has_value();
    };
    EXPECT_TRUE(encrypts()) << takeErrors();
    tokenWriter("scenarios").destroy("fresh");
    ASSERT_TRUE(instance.generate(withId("77"), 16)) << takeErrors();
    EXPECT_FALSE(encrypts());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("another key has replaced"), std::string::npos) << errors;
}

TEST_F(CipherGuards, OneOfSeveralKeysHasToBeNamed) {
    const SymmetricInstance instance;
    ASSERT_TRUE(instance.generate(withId("01"), 16)) << takeErrors();
    ASSERT_TRUE(instance.generate(withId("02"), 16)) << takeErrors();
    EXPECT_FALSE(instance.import(fresh + "?pin-value=1234"));
    EXPECT_NE(takeErrors().find("several keys fit"), std::string::npos);
    EXPECT_TRUE(instance.import(withId("02"))) << takeErrors();
}

} // namespace
