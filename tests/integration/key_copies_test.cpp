// SPDX-License-Identifier: Apache-2.0
// Copies of keys in sessions (pkcs11-module-cache-keys): when they are made, used, given up and
// destroyed. SoftHSM's keys are copied by default.
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <thread>

#include <openssl/rsa.h>

#include "decryption.h"
#include "key_copies.h"
#include "losses.h"
#include "new_keys.h"
#include "operations.h"

namespace {

using namespace testing_support;

using Calls = std::map<std::string, unsigned long>;

const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, nullptr, nullptr, {}};
const Calls oneSignature{{"C_SignInit", 1}, {"C_Sign", 1}};

bool derives(const Instance& instance, EVP_PKEY* key) {
    const auto peer = publicKeyFromFile("x25519");
    return derive(instance.get(), key, peer.get()) == deriveInSoftware("x25519", peer.get());
}

bool decrypts(const Instance& instance, EVP_PKEY* key) {
    return decrypt(instance, key, encrypt(message, oaep), oaep) == message;
}

Instance with(const std::string& directives) {
    return Instance(ConfiguredContext(directives).take());
}

/// The session objects of the token, as another part of the program sees them.
std::vector<CK_OBJECT_HANDLE> sessionObjects() {
    auto* const functions = moduleFunctions();
    CK_SESSION_HANDLE session = 0;
    EXPECT_EQ(functions->C_OpenSession(tokenWriter("scenarios").slot(), CKF_SERIAL_SESSION, nullptr,
                                       nullptr, &session),
              CKR_OK);
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE filter{CKA_TOKEN, &no, sizeof no};
    std::vector<CK_OBJECT_HANDLE> found(100);
    CK_ULONG count = 0;
    EXPECT_EQ(functions->C_FindObjectsInit(session, &filter, 1), CKR_OK);
    EXPECT_EQ(functions->C_FindObjects(session, found.data(), found.size(), &count), CKR_OK);
    EXPECT_EQ(functions->C_FindObjectsFinal(session), CKR_OK);
    EXPECT_EQ(functions->C_CloseSession(session), CKR_OK);
    found.resize(count);
    return found;
}

/// What a key on the token is used for, with the key's label.
struct Use {
    const char* name;
    const char* label;
    bool (*run)(const Instance& instance, EVP_PKEY* key);
};

class KeyCopyOf : public ::testing::TestWithParam<Use> {
  protected:
    static void expectGood(const Instance& instance, EVP_PKEY* key, int times) {
        for (int i = 0; i < times; ++i)
            EXPECT_TRUE(GetParam().run(instance, key)) << takeErrors();
    }
};
INSTANTIATE_TEST_SUITE_P(All, KeyCopyOf,
                         ::testing::Values(Use{"Signs", "ec256", signsWithEc256},
                                           Use{"Decrypts", "rsa", decrypts},
                                           Use{"Derives", "x25519", derives}),
                         [](const auto& given) { return given.param.name; });

// Whoever uses a key once pays nothing.
TEST_P(KeyCopyOf, IsMadeAtTheSecondUseAndEndsWithTheKey) {
    const Instance instance;
    auto key = loadPrivate(instance, GetParam().label);
    const CallCounter calls;
    expectGood(instance, key.get(), 1);
    EXPECT_EQ(calls.of("C_CopyObject"), 0U) << calls.log();
    expectGood(instance, key.get(), 1);
    EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
    EXPECT_EQ(sessionObjects().size(), 1U);
    expectGood(instance, key.get(), 3);
    EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
    key.reset();
    EXPECT_EQ(sessionObjects().size(), 0U);
    EXPECT_EQ(module().openSessions(), 2U) << "both are idle";
}

// Nobody looks at the token any more: this is documented.
TEST_P(KeyCopyOf, OutlivesAKeyThatAnotherProgramDeletes) {
    const Instance instance;
    const auto key = loadPrivate(instance, GetParam().label);
    expectGood(instance, key.get(), usesUntilSteady);
    tokenWriter("scenarios").destroy(GetParam().label);
    expectGood(instance, key.get(), 2);
}

TEST_P(KeyCopyOf, IsNotMadeWhereTheDirectiveForbidsIt) {
    EXPECT_EQ(inChild([] {
                  const auto instance = with("pkcs11-module-cache-keys = false");
                  const auto key = loadPrivate(instance, GetParam().label);
                  const CallCounter calls;
                  expectGood(instance, key.get(), 4);
                  EXPECT_EQ(calls.of("C_CopyObject"), 0U) << calls.log();
                  tokenWriter("scenarios").destroy(GetParam().label);
                  EXPECT_FALSE(GetParam().run(instance, key.get()));
                  EXPECT_NE(takeErrors().find("no longer exists"), std::string::npos);
                  return !HasFailure();
              }),
              0);
}

TEST_P(KeyCopyOf, IsNotMadeOfAKeyThatAsksAtEachUse) {
    for (const bool hidden : {false, true}) {
        if (hidden && GetParam().run == derives) // a token that hides it gets no login for that
            continue;
        EXPECT_EQ(inChild([&] {
                      configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
                      if (hidden)
                          configureModule("PKCS11_TEST_HIDE_ATTRIBUTES",
                                          std::to_string(CKA_ALWAYS_AUTHENTICATE));
                      const auto instance = with("pkcs11-module-cache-keys = true");
                      const auto key = loadPrivate(instance, GetParam().label);
                      const CallCounter calls;
                      expectGood(instance, key.get(), 4);
                      EXPECT_EQ(calls.of("C_CopyObject"), 0U) << calls.log();
                      EXPECT_GE(calls.of("C_Login"), 4U) << calls.log();
                      return !HasFailure();
                  }),
                  0)
            << hidden;
    }
}

// `auto` knows one token for which copies pay.
TEST(KeyCopies, OfOtherTokensAreMadeOnDemandOnly) {
    for (const auto& [directive, copies] : {std::pair("pkcs11-module-cache-keys = auto", 0UL),
                                            std::pair("pkcs11-module-cache-keys = true", 1UL)})
        EXPECT_EQ(inChild([&, directive = directive, copies = copies] {
                      configureModule("PKCS11_TEST_QUIRK", "other-manufacturer");
                      const auto instance = with(directive);
                      const auto key = loadPrivate(instance, "ec256");
                      const CallCounter calls;
                      for (int i = 0; i < 4; ++i)
                          EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                      EXPECT_EQ(calls.of("C_CopyObject"), copies) << calls.log();
                      return !HasFailure();
                  }),
                  0)
            << directive;
}

// The copy has the label and the id of the key.
TEST(KeyCopies, AreNotFoundInThePlaceOfTheKey) {
    const Instance instance;
    const auto before = listing(instance);
    const auto key = loadPrivate(instance, "ec256");
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
    ASSERT_EQ(sessionObjects().size(), 1U);
    EXPECT_EQ(listing(instance), before);
    const auto again = loadPrivate(instance, "ec256");
    EXPECT_TRUE(signsWithEc256(instance, again.get())) << takeErrors();
}

// A deletion by this program is noticed.
TEST(KeyCopies, EndWithTheKeyThatThisProgramDeletes) {
    const Instance instance;
    ASSERT_TRUE(generateEc(instance, "fresh")) << takeErrors();
    const auto key = loadPrivate(instance, "fresh");
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_FALSE(sign(instance, key.get(), message).empty()) << takeErrors();
    ASSERT_EQ(destroy(instance, place("fresh"), true), 1) << takeErrors();
    EXPECT_TRUE(sign(instance, key.get(), message).empty());
    EXPECT_NE(takeErrors().find("no longer exists"), std::string::npos);
    EXPECT_EQ(sessionObjects().size(), 0U);
}

/// Signs until nothing new is learned; the calls of C_CopyObject.
unsigned long copiesOf(const Instance& instance, EVP_PKEY* key) {
    const CallCounter calls;
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(signsWithEc256(instance, key)) << takeErrors();
    const CallCounter after;
    EXPECT_TRUE(signsWithEc256(instance, key)) << takeErrors();
    EXPECT_EQ(after.all(), oneSignature) << after.log();
    return calls.of("C_CopyObject");
}

TEST(KeyCopies, AreMadeAnewAfterADeletionOfAnotherObject) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, key.get()), 1U);
    ASSERT_TRUE(generateEc(instance, "fresh")) << takeErrors();
    ASSERT_EQ(destroy(instance, place("fresh"), true), 1) << takeErrors();
    EXPECT_EQ(copiesOf(instance, key.get()), 1U);
}

// In processes of their own, because it is remembered for the token.
TEST(KeyCopies, AreNotAskedForAgainWhereTheTokenRefusesThem) {
    for (const auto& [rv, later] :
         {std::pair(CKR_FUNCTION_NOT_SUPPORTED, 0UL), std::pair(CKR_SESSION_READ_ONLY, 0UL),
          std::pair(CKR_TEMPLATE_INCONSISTENT, 0UL), std::pair(CKR_ACTION_PROHIBITED, 1UL),
          std::pair(CKR_GENERAL_ERROR, 1UL), std::pair(CKR_KEY_HANDLE_INVALID, 1UL)})
        EXPECT_EQ(inChild([rv = rv, later = later] {
                      const Instance instance;
                      const auto key = loadPrivate(instance, "ec256");
                      fault("C_CopyObject", "1+", rv);
                      EXPECT_EQ(copiesOf(instance, key.get()), 1U);
                      noFaults();
                      EXPECT_EQ(copiesOf(instance, key.get()), 0U);
                      const auto another = loadPrivate(instance, "ec256");
                      EXPECT_EQ(copiesOf(instance, another.get()), later);
                      return !HasFailure();
                  }),
                  0)
            << p11::pkcs11::rvName(rv);
}

// The copies that exist stay in use.
TEST(KeyCopies, AreNotFoundAfterTheTokenRefusedOthers) {
    EXPECT_EQ(inChild([] {
                  const Instance instance;
                  const auto before = listing(instance);
                  const auto key = loadPrivate(instance, "ec256");
                  EXPECT_EQ(copiesOf(instance, key.get()), 1U);
                  const auto other = loadPrivate(instance, "rsa");
                  fault("C_CopyObject", "1+", CKR_TEMPLATE_INCONSISTENT);
                  for (int i = 0; i < usesUntilSteady; ++i)
                      EXPECT_TRUE(decrypts(instance, other.get())) << takeErrors();
                  noFaults();
                  EXPECT_EQ(sessionObjects().size(), 1U);
                  EXPECT_EQ(listing(instance), before);
                  const auto again = loadPrivate(instance, "ec256");
                  EXPECT_TRUE(signsWithEc256(instance, again.get())) << takeErrors();
                  EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                  return !HasFailure();
              }),
              0);
}

TEST(KeyCopies, AreNotMadeOfAKeyThatForbidsThem) {
    {
        auto writer = tokenWriter("scenarios");
        std::string label = "fixed";
        CK_BBOOL yes = CK_TRUE;
        CK_BBOOL no = CK_FALSE;
        Bytes p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
        writer.generatePair(CKM_EC_KEY_PAIR_GEN,
                            {{CKA_TOKEN, &yes, sizeof yes},
                             {CKA_LABEL, label.data(), label.size()},
                             {CKA_EC_PARAMS, p256.data(), p256.size()}},
                            {{CKA_TOKEN, &yes, sizeof yes},
                             {CKA_LABEL, label.data(), label.size()},
                             {CKA_SIGN, &yes, sizeof yes},
                             {CKA_COPYABLE, &no, sizeof no}});
    }
    const Instance instance;
    const auto key = loadPrivate(instance, "fixed");
    const CallCounter calls;
    for (int i = 0; i < 4; ++i)
        EXPECT_FALSE(sign(instance, key.get(), message).empty()) << takeErrors();
    EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
    EXPECT_EQ(sessionObjects().size(), 0U);
    EXPECT_EQ(copiesOf(instance, loadPrivate(instance, "ec256").get()), 1U)
        << "another key may be copied";
}

// A token that makes a copy, and does not know it in other sessions.
TEST(KeyCopies, ThatFailAtTheirFirstUseAreTheLastOfTheToken) {
    EXPECT_EQ(inChild([] {
                  const Instance instance;
                  const auto key = loadPrivate(instance, "ec256");
                  EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                  const CallCounter calls;
                  fault("C_SignInit", "1", CKR_KEY_HANDLE_INVALID);
                  EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                  noFaults();
                  EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
                  EXPECT_EQ(copiesOf(instance, key.get()), 0U);
                  EXPECT_EQ(copiesOf(instance, loadPrivate(instance, "ec256").get()), 0U);
                  return !HasFailure();
              }),
              0);
}

// A token on which the key itself cannot be named in the session of the copies.
TEST(KeyCopies, ThatCannotBeMadeAreGivenUp) {
    EXPECT_EQ(inChild([] {
                  configureModule("PKCS11_TEST_QUIRK", "handles-per-session");
                  const Instance instance;
                  const auto key = loadPrivate(instance, "ec256");
                  const CallCounter calls;
                  for (int i = 0; i < 6; ++i)
                      EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                  EXPECT_EQ(calls.of("C_CopyObject"), 1U) << calls.log();
                  const CallCounter after;
                  EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                  EXPECT_EQ(after.all(), oneSignature) << after.log();
                  return !HasFailure();
              }),
              0);
}

/// Another part of the program destroys the copies, as an HSM does that closes idle sessions.
TEST(KeyCopies, ThatAreLostAreMadeAnew) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, key.get()), 1U);
    for (int round = 0; round < 3; ++round) {
        auto* const functions = moduleFunctions();
        CK_SESSION_HANDLE session = 0;
        ASSERT_EQ(functions->C_OpenSession(tokenWriter("scenarios").slot(), CKF_SERIAL_SESSION,
                                           nullptr, nullptr, &session),
                  CKR_OK);
        for (const auto copy : sessionObjects())
            EXPECT_EQ(functions->C_DestroyObject(session, copy), CKR_OK);
        EXPECT_EQ(functions->C_CloseSession(session), CKR_OK);
        const CallCounter calls;
        EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
        EXPECT_EQ(calls.of("C_Login") + calls.of("C_FindObjectsInit"), 0U) << calls.log();
        EXPECT_EQ(copiesOf(instance, key.get()), 1U);
    }
}

class LossOfKeyCopy : public ::testing::TestWithParam<CK_RV> {};
INSTANTIATE_TEST_SUITE_P(Lost, LossOfKeyCopy, ::testing::ValuesIn(losses), nameOfLoss);
INSTANTIATE_TEST_SUITE_P(Vague, LossOfKeyCopy, ::testing::ValuesIn(vague), nameOfLoss);

// With the sessions, with the login (at which private session objects vanish), and by itself.
TEST_P(LossOfKeyCopy, IsNotNoticedAndAnotherCopyIsMade) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    // Other answers say nothing of the sessions that are lost with them.
    const bool tellsAll = p11::pkcs11::invalidatesSessions(GetParam());
    for (const std::string effect : {"close", "logout", "end"})
        for (const char* function : {"C_SignInit", "C_Sign"})
            for (const char* calls : {"1", "1-2"}) {
                if (!tellsAll && effect != "end")
                    continue;
                for (int i = 0; i < usesUntilSteady; ++i)
                    ASSERT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
                ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", effect.c_str()), CKR_OK);
                fault(function, calls, GetParam());
                const CallCounter all;
                EXPECT_TRUE(signsWithEc256(instance, key.get()))
                    << effect << " " << function << " " << calls << ": " << takeErrors();
                noFaults();
                copiesOf(instance, key.get());
                EXPECT_EQ(all.of("C_CopyObject"), 1U)
                    << effect << " " << function << " " << calls << "\n"
                    << all.log();
                if (effect == "close") {
                    EXPECT_EQ(sessionObjects().size(), 1U);
                }
            }
}

// A loss of everything between the copy and its first use, and in C_CopyObject itself.
TEST_P(LossOfKeyCopy, WhileItIsMadeIsNotNoticed) {
    for (const std::string function : {"C_CopyObject", "C_SignInit"}) {
        const Instance instance;
        const auto key = loadPrivate(instance, "ec256");
        ASSERT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
        ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "close"), CKR_OK);
        fault(function, "1", GetParam());
        EXPECT_TRUE(signsWithEc256(instance, key.get())) << function << takeErrors();
        noFaults();
        for (int i = 0; i < 4; ++i)
            EXPECT_TRUE(signsWithEc256(instance, key.get())) << function << takeErrors();
        const CallCounter after;
        EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
        EXPECT_EQ(after.all(), oneSignature) << after.log();
    }
}

TEST(KeyCopies, OfManyThreadsAreOneForEachKey) {
    constexpr int keys = 3;
    constexpr int threads = 8;
    const Instance instance;
    std::vector<p11::ossl::Pkey> all;
    for (int i = 0; i < keys; ++i)
        all.push_back(loadPrivate(instance, "ec256"));
    const CallCounter calls;
    std::atomic<int> good{0};
    inThreads(threads, [&](int thread) {
        for (int round = 0; round < 20; ++round)
            good += signsWithEc256(instance,
                                   all.at(static_cast<std::size_t>((thread + round) % keys)).get());
    });
    EXPECT_EQ(good, threads * 20) << takeErrors();
    EXPECT_EQ(calls.of("C_CopyObject"), static_cast<unsigned long>(keys)) << calls.log();
    EXPECT_EQ(sessionObjects().size(), static_cast<std::size_t>(keys));
    inThreads(keys, [&](int i) { all.at(static_cast<std::size_t>(i)).reset(); });
    EXPECT_EQ(calls.of("C_DestroyObject"), static_cast<unsigned long>(keys)) << calls.log();
    EXPECT_EQ(sessionObjects().size(), 0U);
    EXPECT_LE(module().openSessions(), threads + 1UL);
}

// Keys that come and go in many threads, while their session is the same.
TEST(KeyCopies, OfManyThreadsLeaveNothingBehind) {
    const Instance instance;
    const CallCounter calls;
    inThreads(6, [&](int) {
        for (int i = 0; i < 25; ++i) {
            const auto key = loadPrivate(instance, "ec256");
            for (int j = 0; j < 3; ++j)
                EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
        }
    });
    EXPECT_GT(calls.of("C_CopyObject"), 0U);
    EXPECT_EQ(calls.of("C_CopyObject"), calls.of("C_DestroyObject")) << calls.log();
    EXPECT_EQ(sessionObjects().size(), 0U);
    EXPECT_LE(module().openSessions(), 7U);
}

// The session of a copy that could not be destroyed is not given to others.
TEST(KeyCopies, ThatCannotBeDestroyedEndWithTheirSession) {
    const Instance instance;
    auto key = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, key.get()), 1U);
    fault("C_DestroyObject", "1+", CKR_FUNCTION_FAILED);
    key.reset();
    noFaults();
    EXPECT_EQ(sessionObjects().size(), 0U);
    EXPECT_EQ(module().openSessions(), 1U);
}

TEST(KeyCopies, ThatCannotBeDestroyedAreNotJoinedByOthers) {
    const Instance instance;
    auto first = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, first.get()), 1U);
    auto second = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, second.get()), 1U);
    fault("C_DestroyObject", "1+", CKR_FUNCTION_FAILED);
    first.reset();
    noFaults();
    const auto third = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, third.get()), 1U);
    second.reset();
    EXPECT_EQ(sessionObjects().size(), 1U) << "that of the third";
}

TEST(ForkWithKeyCopies, GivesEachProcessCopiesOfItsOwn) {
    const Instance instance;
    auto key = loadPrivate(instance, "ec256");
    ASSERT_EQ(copiesOf(instance, key.get()), 1U);
    for (const bool freesFirst : {false, true})
        EXPECT_EQ(inChild([&] {
                      if (freesFirst)
                          key = loadPrivate(instance, "ec256");
                      const auto before = sessionObjects().size(); // SoftHSM's memory is a copy
                      EXPECT_EQ(copiesOf(instance, key.get()), 1U);
                      EXPECT_EQ(sessionObjects().size(), before + 1);
                      key.reset();
                      EXPECT_EQ(sessionObjects().size(), before);
                      return !HasFailure();
                  }),
                  0);
    const CallCounter calls;
    EXPECT_TRUE(signsWithEc256(instance, key.get())) << takeErrors();
    EXPECT_EQ(calls.all(), oneSignature) << "the parent's copy is as it was: " << calls.log();
}

TEST(ContextsWithKeyCopies, EndInAnyOrder) {
    for (const bool firstGoesFirst : {true, false}) {
        std::optional<Instance> first;
        std::optional<Instance> second;
        auto one = loadPrivate(first.emplace(), "ec256");
        auto other = loadPrivate(second.emplace(), "ec256");
        EXPECT_EQ(copiesOf(*first, one.get()), 1U);
        EXPECT_EQ(copiesOf(*second, other.get()), 1U);
        EXPECT_EQ(sessionObjects().size(), 2U);
        (firstGoesFirst ? one : other).reset();
        (firstGoesFirst ? first : second).reset();
        auto& staying = firstGoesFirst ? second : first;
        EXPECT_EQ(sessionObjects().size(), 1U);
        EXPECT_TRUE(signsWithEc256(*staying, (firstGoesFirst ? other : one).get())) << takeErrors();
        // The key is the last that uses the provider.
        staying->unload();
        (firstGoesFirst ? other : one).reset();
    }
}

// A limit of sessions is for operations, unless somebody asks for copies.
TEST(KeyCopies, WhereSessionsAreLimited) {
    struct Row {
        const char* directives;
        const char* tokensLimit;
        unsigned long copies;
        unsigned long sessions;
    };
    for (const auto& row :
         {Row{"pkcs11-module-max-sessions = 3", nullptr, 0, 3},
          Row{"pkcs11-module-max-sessions = 3\npkcs11-module-cache-keys = true", nullptr, 1, 3},
          Row{"pkcs11-module-max-sessions = 1\npkcs11-module-cache-keys = true", nullptr, 0, 1},
          Row{"", "2", 1, 2}, Row{"", "1", 0, 1},
          Row{"pkcs11-module-cache-sessions = 1", nullptr, 0, 6}})
        EXPECT_EQ(inChild([&row] {
                      if (row.tokensLimit != nullptr)
                          configureModule("PKCS11_TEST_MAX_SESSIONS", row.tokensLimit);
                      const auto instance = with(row.directives);
                      const auto key = loadPrivate(instance, "ec256");
                      EXPECT_EQ(copiesOf(instance, key.get()), row.copies);
                      std::atomic<int> good{0};
                      inThreads(6, [&](int) {
                          for (int i = 0; i < 5; ++i)
                              good += signsWithEc256(instance, key.get()) ? 1 : 0;
                      });
                      EXPECT_EQ(good, 30) << takeErrors();
                      EXPECT_LE(module().openSessions(), row.sessions);
                      return !HasFailure();
                  }),
                  0)
            << row.directives << " " << (row.tokensLimit != nullptr ? row.tokensLimit : "");
}

} // namespace
