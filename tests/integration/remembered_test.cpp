// SPDX-License-Identifier: Apache-2.0
// What is learned of a token or a key is known from then on: after a loss, in another library
// context, in a forked process.
#include <algorithm>
#include <optional>
#include <thread>

#include "agreement.h"
#include "decryption.h"

namespace {

using namespace testing_support;

const Bytes message = randomBytes(40);
const CipherOptions pkcs1{RSA_PKCS1_PADDING, nullptr, nullptr, {}};

bool signs(const Instance& instance, EVP_PKEY* key) {
    return verify("ec256", sign(instance, key, message), message);
}

bool derives(const Instance& instance, EVP_PKEY* key) {
    return !derive(instance.get(), key, publicKeyFromFile("ec256").get()).empty();
}

bool decrypts(const Instance& instance, EVP_PKEY* key) {
    return decrypt(instance, key, encrypt(message, pkcs1), pkcs1) == message;
}

/// What is learned, and how many calls of `call` a use costs in each state.
struct Lesson {
    const char* quirk;
    const char* label;
    bool (*use)(const Instance& instance, EVP_PKEY* key);
    const char* begins; ///< the first call of a use, at which it is lost
    const char* call;
    unsigned long learning; ///< loading the key and using it
    unsigned long again;
    unsigned long afterLoss; ///< with the call that was lost
    unsigned long inAnotherContext;
    unsigned long inChild;
};

void PrintTo(const Lesson& lesson, std::ostream* out) {
    *out << lesson.quirk;
}

const Lesson lessons[] = {
    // Token::needsReadWrite(): the session stays open, and is shared.
    {"read-write-only", "ec256", signs, "C_SignInit", "C_OpenSession", 2, 0, 1, 0, 1},
    // The first is a login that is refused.
    {"read-write-login", "ec256", signs, "C_SignInit", "C_OpenSession", 2, 0, 1, 0, 1},
    // Token::derivedKey()
    {"derive-wants-private", "ec256", derives, "C_DeriveKey", "C_DeriveKey", 3, 1, 2, 1, 1},
    // Key::wasRefused(): another context has another key.
    {"raw-rsa-refused", "rsa", decrypts, "C_DecryptInit", "C_DecryptInit", 2, 1, 2, 2, 1},
};

class Remembered : public ::testing::TestWithParam<Lesson> {
  protected:
    void SetUp() override {
        ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", GetParam().quirk), CKR_OK);
    }
    void TearDown() override { module().configure(nullptr, nullptr); }

    static void expectUse(const Instance& instance, EVP_PKEY* key, unsigned long cost,
                          const std::string& state) {
        const CallCounter calls;
        EXPECT_TRUE(GetParam().use(instance, key)) << state << takeErrors();
        EXPECT_EQ(calls.of(GetParam().call), cost) << state << '\n' << calls.log();
    }
};
INSTANTIATE_TEST_SUITE_P(All, Remembered, ::testing::ValuesIn(lessons));

// In a process that has learned nothing yet.
TEST_P(Remembered, InEveryState) {
    EXPECT_EQ(inChild([&] {
                  const auto& lesson = GetParam();
                  const CallCounter calls;
                  // A copy of the key would take another session.
                  const Instance instance(
                      ConfiguredContext("pkcs11-module-cache-keys = false").take());
                  const auto key = loadPrivate(instance, lesson.label);
                  EXPECT_TRUE(lesson.use(instance, key.get())) << takeErrors();
                  EXPECT_EQ(calls.of(lesson.call), lesson.learning) << calls.log();
                  expectUse(instance, key.get(), lesson.again, "again");
                  for (const CK_RV loss : {CKR_DEVICE_REMOVED, CKR_CRYPTOKI_NOT_INITIALIZED}) {
                      fault(lesson.begins, "1", loss);
                      expectUse(instance, key.get(), lesson.afterLoss, "after a loss");
                      noFaults();
                  }
                  {
                      const Instance another;
                      const auto same = loadPrivate(another, lesson.label);
                      expectUse(another, same.get(), lesson.inAnotherContext, "in another context");
                  }
                  EXPECT_EQ(inChild([&] {
                                expectUse(instance, key.get(), lesson.inChild, "in a child");
                                return !HasFailure();
                            }),
                            0);
                  expectUse(instance, key.get(), lesson.again, "at last");
                  return !HasFailure();
              }),
              0);
}

// Token::sessionsOfDropped(): a session that is in use when its connection is dropped counts
// against the limit.
class DroppedSessionPool : public ::testing::Test {
  protected:
    static bool signsNow() { return signs(*instance, key.get()); }

    static inline std::optional<Instance> instance;
    static inline p11::ossl::Pkey key;
    static inline std::thread third;
    static inline unsigned long mostOpen = 0;
};

TEST_F(DroppedSessionPool, CountsAsLongAsItsSessionsAreInUse) {
    instance.emplace(ConfiguredContext("pkcs11-module-max-sessions = 2").take());
    key = loadPrivate(*instance, "ec256");
    ASSERT_TRUE(signsNow()) << takeErrors();
    // The third has to wait for the second, which has dropped the connection of the first.
    const auto inSecond = [] {
        third = std::thread([] { EXPECT_TRUE(signsNow()) << takeErrors(); });
        for (int i = 0; i < 50 && mostOpen <= 2; ++i) {
            mostOpen = std::max(mostOpen, module().openSessions());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    };
    static const auto hook = +inSecond;
    const auto inFirst = [] {
        std::thread([] {
            fault("C_SignInit", "1", CKR_USER_NOT_LOGGED_IN);
            EXPECT_EQ(module().setHook("C_Sign", hook), CKR_OK);
            EXPECT_TRUE(signsNow()) << takeErrors();
        }).join();
    };
    ASSERT_EQ(module().setHook("C_Sign", inFirst), CKR_OK);
    EXPECT_TRUE(signsNow()) << takeErrors();
    third.join();
    noFaults();
    EXPECT_EQ(mostOpen, 2U);
    key.reset();
    instance.reset();
}

} // namespace
