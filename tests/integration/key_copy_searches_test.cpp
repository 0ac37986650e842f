// SPDX-License-Identifier: Apache-2.0
// Copies of keys that are made while other threads search the token, or make copies.
#include <optional>
#include <thread>

#include "key_copies.h"

namespace {

using namespace testing_support;

// SoftHSM shows a copy that is not complete as an object of the token.
class KeyCopiesAndSearches : public ::testing::Test {
  protected:
    void SetUp() override {
        instance.emplace();
        key = loadPrivate(*instance, "ec256");
        ASSERT_TRUE(signsWithEc256(*instance, key.get())) << takeErrors();
    }
    void TearDown() override {
        key.reset();
        instance.reset();
    }

    static inline std::optional<Instance> instance;
    static inline p11::ossl::Pkey key;
};

TEST_F(KeyCopiesAndSearches, OfOtherThreadsAreRepeated) {
    const auto whileCopying = [] {
        std::thread([] {
            const CallCounter calls;
            EXPECT_TRUE(loadPrivate(*instance, "rsa")) << takeErrors();
            EXPECT_GT(calls.of("C_FindObjectsInit"), 1U) << calls.log();
        }).join();
    };
    ASSERT_EQ(module().setHook("C_CopyObject", whileCopying), CKR_OK);
    EXPECT_TRUE(signsWithEc256(*instance, key.get())) << takeErrors();
    const CallCounter calls;
    EXPECT_TRUE(loadPrivate(*instance, "rsa")) << takeErrors();
    EXPECT_EQ(calls.of("C_FindObjectsInit"), 1U) << calls.log();
}

TEST_F(KeyCopiesAndSearches, OfOtherThreadsComeFirst) {
    const auto whileSearching = [] {
        std::thread([] {
            const CallCounter calls;
            EXPECT_TRUE(signsWithEc256(*instance, key.get())) << takeErrors();
            EXPECT_EQ(calls.of("C_CopyObject"), 0U) << calls.log();
        }).join();
    };
    ASSERT_EQ(module().setHook("C_FindObjects", whileSearching), CKR_OK);
    EXPECT_TRUE(loadPrivate(*instance, "rsa")) << takeErrors();
    const CallCounter calls;
    EXPECT_TRUE(signsWithEc256(*instance, key.get())) << takeErrors();
    EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
}

// Two threads that come first at the same time.
TEST_F(KeyCopiesAndSearches, OfTwoThreadsShareASession) {
    static p11::ossl::Pkey other;
    other = loadPrivate(*instance, "ec256");
    ASSERT_TRUE(signsWithEc256(*instance, other.get())) << takeErrors();
    const auto whileOpening = [] {
        std::thread([] {
            EXPECT_TRUE(signsWithEc256(*instance, other.get())) << takeErrors();
        }).join();
    };
    const CallCounter calls;
    ASSERT_EQ(module().setHook("C_OpenSession", whileOpening), CKR_OK);
    EXPECT_TRUE(signsWithEc256(*instance, key.get())) << takeErrors();
    EXPECT_EQ(calls.of("C_OpenSession"), 2U) << "for the copies, and for the other thread";
    EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
    EXPECT_TRUE(signsWithEc256(*instance, other.get())) << takeErrors();
    EXPECT_EQ(calls.of("C_OpenSession"), 2U) << calls.log();
    EXPECT_EQ(calls.of("C_CopyObject"), 2U) << calls.log();
    other.reset();
}

} // namespace
