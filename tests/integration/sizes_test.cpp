// SPDX-License-Identifier: Apache-2.0
// Signatures of a size that the key does not give: an error that tells both sizes, and no
// signature.
#include "agreement.h"
#include "newer.h"
#include "nss_token.h"

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

// EVP_PKEY_get_security_category(3) of OpenSSL 3.6 asks when a key is loaded, and its public half
// may not be known then. Older versions do not ask.
void expectCategory(EVP_PKEY* key, EVP_PKEY* software, int category) {
    int told = -1;
    if (EVP_PKEY_get_int_param(key, "security-category", &told) == 1) {
        EXPECT_EQ(told, category) << EVP_PKEY_get0_type_name(key);
    }
    if (auto* get = newer<int(const EVP_PKEY*)>("EVP_PKEY_get_security_category")) {
        EXPECT_EQ(get(key), category) << EVP_PKEY_get0_type_name(key);
        EXPECT_EQ(get(key), get(software)) << EVP_PKEY_get0_type_name(key);
    }
    takeErrors();
}

TEST(SecurityCategory, OfKeysOnTheTokenIsThatOfSoftware) {
    const Instance instance;
    for (const char* label : {"rsa", "bare-rsa", "ec256", "bare-ec", "ed25519", "x25519", "x448"}) {
        const auto key = loadPrivate(instance, label);
        ASSERT_TRUE(key) << label;
        const std::string type = EVP_PKEY_get0_type_name(key.get());
        const auto software =
            type == "RSA" ? publicKeyFromFile("rsa")
            : type == "EC"
                ? publicKeyFromFile("ec256")
                : p11::ossl::Pkey(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, type.c_str()));
        expectCategory(key.get(), software.get(), 0);
    }
    const auto fresh = loadPrivate(instance, "ed25519");
    int told = -1;
    EXPECT_EQ(EVP_PKEY_get_int_param(fresh.get(), "security-category", &told), 1);
    EXPECT_EQ(told, 0);
}

TEST(SecurityCategory, OfPostQuantumKeysIsThatOfSoftware) {
    if (!NssToken::isThere())
        GTEST_SKIP() << "there is no token that has such keys, or OpenSSL does not know them";
    const NssToken token;
    for (const auto& [label, category] :
         {std::pair("ML-DSA-44", 2), std::pair("ML-DSA-65", 3), std::pair("ML-DSA-87", 5),
          std::pair("ML-KEM-512", 1), std::pair("ML-KEM-768", 3), std::pair("ML-KEM-1024", 5)}) {
        const auto key = token.loadPrivate(label);
        const p11::ossl::Pkey software(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, label));
        expectCategory(key.get(), software.get(), category);
    }
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
