// SPDX-License-Identifier: Apache-2.0
// Signatures of a size that the key does not give: an error that tells both sizes, and no
// signature.
#include "agreement.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(50);

struct Given {
    const char* key;
    const char* digest;
    std::vector<unsigned> wrong; ///< sizes
    unsigned right;
};

class SizesOfSignatures : public ::testing::TestWithParam<Given> {
  protected:
    void TearDown() override { module().configure("PKCS11_TEST_SIGNATURE_SIZE", nullptr); }
};
INSTANTIATE_TEST_SUITE_P(All, SizesOfSignatures,
                         ::testing::Values(Given{"rsa", "SHA256", {0, 1, 255, 257}, 256},
                                           Given{"ec256", "SHA256", {0, 10, 62, 63, 65, 66}, 64},
                                           Given{"ec521", "SHA256", {64, 130, 131, 134}, 132},
                                           Given{"ed25519", nullptr, {0, 1, 63}, 64}),
                         [](const auto& given) { return std::string(given.param.key); });

TEST_P(SizesOfSignatures, AreThoseOfTheKey) {
    const auto& [label, digest, wrong, right] = GetParam();
    const Instance instance;
    const auto key = loadPrivate(instance, label);
    // The token proves the public half once, with a signature.
    ASSERT_TRUE(publicHalf(defaultOnly(), key.get()));
    for (const auto size : wrong) {
        module().configure("PKCS11_TEST_SIGNATURE_SIZE", std::to_string(size).c_str());
        const CallCounter calls;
        EXPECT_TRUE(sign(instance, key.get(), data, digest).empty()) << size;
        EXPECT_EQ(calls.of("C_Sign"), 1U) << "not repeated";
        const auto errors = takeErrors();
        const bool claimsTooMuch = errors.find("claims more bytes") != std::string::npos;
        EXPECT_TRUE(claimsTooMuch ||
                    errors.find(std::to_string(size) + " bytes, but those of this key have " +
                                std::to_string(right)) != std::string::npos)
            << errors;
    }
    module().configure("PKCS11_TEST_SIGNATURE_SIZE", std::to_string(right).c_str());
    EXPECT_FALSE(sign(instance, key.get(), data, digest).empty()) << takeErrors();
}

// Fewer bytes than the field has are one with leading zeros left out; but not none.
TEST(SizesOfSecrets, AreNotZero) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_EQ(derive(instance.get(), key.get(), peer.get()).size(), 32U) << takeErrors();
    module().configure("PKCS11_TEST_VALUE_SIZE", "0");
    const CallCounter calls;
    EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
    module().configure("PKCS11_TEST_VALUE_SIZE", nullptr);
    EXPECT_NE(takeErrors().find("an empty secret"), std::string::npos);
    EXPECT_EQ(calls.all(), oneDerivation);
}

} // namespace
