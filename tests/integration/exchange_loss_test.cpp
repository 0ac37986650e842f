// SPDX-License-Identifier: Apache-2.0
// Loss and return while secrets are derived, and keys that may do nothing else.
#include <array>
#include <atomic>

#include "agreement.h"
#include "losses.h"

namespace {

using namespace testing_support;

TEST(DeriveOnlyKey, ProvesByAnAgreementWhichPublicKeyIsItsOwn) {
    const auto pair = newOnToken("P-384", "derives");
    const Instance instance;
    const auto key = loadPrivate(instance, "derives");
    const auto other = generate(defaultOnly(), "P-384");
    EXPECT_NE(EVP_PKEY_eq(key.get(), publicHalf(defaultOnly(), other.get()).get()), 1);
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicHalf(defaultOnly(), pair.get()).get()), 1)
        << takeErrors();
    EXPECT_EQ(derive(instance.get(), key.get(), publicHalf(instance.get(), other.get()).get()),
              derive(defaultOnly(), pair.get(), other.get()))
        << takeErrors();
}

TEST(DeriveOnlyKey, IsFoundAgainByAnAgreementAndAnotherKeyIsNotTakenForIt) {
    const auto pair = newOnToken("P-256", "derives");
    const Instance instance;
    const auto key = loadPrivate(instance, "derives");
    const auto peer = generate(defaultOnly(), "P-256");
    const auto here = publicHalf(instance.get(), peer.get());
    const auto expected = derive(defaultOnly(), pair.get(), peer.get());
    ASSERT_EQ(EVP_PKEY_eq(key.get(), publicHalf(defaultOnly(), pair.get()).get()), 1);
    ASSERT_EQ(derive(instance.get(), key.get(), here.get()), expected);
    for (const CK_RV rv : {CKR_KEY_HANDLE_INVALID, CKR_SESSION_HANDLE_INVALID}) {
        fault("C_DeriveKey", "1", rv);
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << takeErrors();
        noFaults();
    }
    newOnToken("P-256", "derives");
    EXPECT_TRUE(derive(instance.get(), key.get(), here.get()).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("another key has replaced the private key \"derives\""),
              std::string::npos)
        << errors;
}

// What may be the peer's fault is not repeated in a session that is good; vague answers make the
// other form of the point be tried.
bool isToldOfPeer(const std::string& function, const std::string& calls, CK_RV rv) {
    const bool isVague = rv == CKR_FUNCTION_FAILED || rv == CKR_GENERAL_ERROR;
    const bool first = calls == "1", both = calls == "1-2";
    return function == "C_DeriveKey" &&
           ((rv == CKR_DEVICE_ERROR && (first || both)) || (isVague && both));
}

// The session is gone in truth, of which C_DeriveKey may tell in any words.
TEST(ExchangeLossOfSessions, IsFoundOutWhateverTheAnswer) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    ASSERT_EQ(derive(instance.get(), key.get(), peer.get()), expected);
    ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "close"), CKR_OK);
    for (const CK_RV rv : {CKR_DEVICE_ERROR, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED}) {
        fault("C_DeriveKey", "1", rv);
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
            << p11::pkcs11::rvName(rv) << takeErrors();
    }
    noFaults();
    EXPECT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", nullptr), CKR_OK);
}

class ExchangeLoss : public ::testing::TestWithParam<CK_RV> {};
INSTANTIATE_TEST_SUITE_P(Lost, ExchangeLoss, ::testing::ValuesIn(losses), nameOfLoss);
INSTANTIATE_TEST_SUITE_P(Vague, ExchangeLoss, ::testing::ValuesIn(vague), nameOfLoss);

TEST_P(ExchangeLoss, OnceOrTwiceIsNotNoticed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (const char* function : {"C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject"})
        for (const char* calls : {"1", "2", "1-2"}) {
            fault(function, calls, GetParam());
            if (isToldOfPeer(function, calls, GetParam()))
                EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
            else
                EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
                    << function << calls << takeErrors();
            takeErrors();
            noFaults();
            EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
                << "after " << function << calls << takeErrors();
        }
}

TEST_P(ExchangeLoss, ForEverIsToldAndEndsWithTheTokensReturn) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (const char* function : {"C_DeriveKey", "C_GetAttributeValue"}) {
        fault(function, "1+", GetParam());
        EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty()) << function;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(function), std::string::npos) << errors;
        EXPECT_NE(errors.find(p11::pkcs11::rvName(GetParam())), std::string::npos) << errors;
        noFaults();
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
            << "after " << function << takeErrors();
    }
    // A secret that was read is good, whatever becomes of the object.
    fault("C_DestroyObject", "1+", GetParam());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
    noFaults();
}

TEST(ExchangeLossOfMany, NoSecretIsLostAndNoneIsWrong) {
    constexpr int crowd = 16;
    constexpr int rounds = 25;
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "close"), CKR_OK);
    std::string rules;
    // Eight losses, as in LossOfMany: one operation survives 19 failures.
    for (int call = 40; call < 360; call += 80)
        rules += "C_DeriveKey:" + std::to_string(call) +
                 "=CKR_DEVICE_REMOVED,C_DestroyObject:" + std::to_string(call + 40) +
                 "=CKR_SESSION_HANDLE_INVALID,";
    rules.pop_back();
    ASSERT_EQ(module().setFaults(rules.c_str()), CKR_OK);
    std::atomic<int> good{0};
    inThreads(crowd, [&](int) {
        const auto mine = publicKeyFromFile("ec256");
        for (int round = 0; round < rounds; ++round)
            good += derive(instance.get(), key.get(), mine.get()) == expected ? 1 : 0;
        EXPECT_EQ(takeErrors(), "");
    });
    noFaults();
    EXPECT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", nullptr), CKR_OK);
    EXPECT_EQ(good, crowd * rounds);
}

} // namespace
