// SPDX-License-Identifier: Apache-2.0
// Modules of other vendors, as far as the test module behaves like them: everything runs, or ends
// in the one error that docs/tokens.md has.
#include <atomic>
#include <clocale>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include "new_keys.h"
#include "operations.h"

namespace {

using namespace testing_support;

void setQuirk(const char* quirk) {
    configureModule("PKCS11_TEST_QUIRK", quirk);
}

struct Case {
    const char* quirk;
    std::vector<std::pair<const char*, const char*>> settings = {}; ///< of the test module
    const char* directives = "";
    const char* query = "?pin-value=1234"; ///< of all URIs
};

void PrintTo(const Case& row, std::ostream* out) {
    *out << row.quirk;
    for (const auto& [name, value] : row.settings)
        *out << ' ' << name << '=' << value;
    *out << ' ' << row.directives << ' ' << row.query;
}

constexpr const char* maxSessions = "PKCS11_TEST_MAX_SESSIONS";
constexpr const char* atEachUse = "PKCS11_TEST_ALWAYS_AUTHENTICATE";
constexpr const char* tokenFlags = "PKCS11_TEST_TOKEN_FLAGS";

const Case cases[] = {
    {"find-one-at-a-time"},
    {"find-twice"},
    {"handles-per-session"},
    {"ignore-template"},
    {"stop-at-unknown-attribute"},
    {"refuse-unknown-attributes"},
    {"trim-rsa"},
    {"trim-ecdsa"},
    {"der-ecdsa"},
    {"full-is-host-memory", {{maxSessions, "4"}}},
    {"full-is-arguments-bad", {{maxSessions, "4"}}},
    {"read-write-only"},
    {"read-write-login"},
    {"read-write-sign"},
    {"visible-before-login"},
    {"names-end-in-nul"},
    {"curve-names"},
    {"no-private-modulus"},
    {"refresh-on-count"},
    {"empty-mechanism-list"},
    {"raw-rsa-refused"},
    {"pss-not-listed"},
    {"pss-not-listed,raw-rsa-refused"},
    {"changes-process"},
    {"derive-wants-derive"},
    {"derive-wants-private"},
    {"derive-wants-no-length"},
    {"device-error-for-unknown"},
    {"general-error-for-unknown"},
    {"vendor-error-for-unknown"},
    {"length-untouched"},
    {"long-hash-refused"},
    {"finalize-hangs"},
    {"no-context-login", {{atEachUse, "1"}}},
    {"context-pin", {{atEachUse, "1"}}, "pkcs11-module-context-pin = 9876"},
    {"context-pin", {{atEachUse, "1"}}, "", "?pin-value=1234&x-context-pin-value=9876"},
    {"vendor-user", {}, "pkcs11-module-user-type = 0x80000001"},
    {"vendor-user", {}, "pkcs11-module-quirks = luna-non-standard-cku-user"},
    {"user-name", {{"PKCS11_TEST_MESSAGE_SIGN", "1"}}, "pkcs11-module-user-name = operator"},
    {"empty-pin", {}, "pkcs11-module-quirks = empty-pin", ""},
    {"hidden-pin-pad",
     {{"PKCS11_TEST_PROTECTED_PATH", "1234"}},
     "pkcs11-module-quirks = pin-pad",
     "?pin-value=9999"},
    // CKA_ALWAYS_AUTHENTICATE is hidden.
    {"", {{atEachUse, "1"}, {"PKCS11_TEST_HIDE_ATTRIBUTES", "0x202"}}},
    {"", {{tokenFlags, "-0x4"}}},   // CKF_LOGIN_REQUIRED
    {"", {{tokenFlags, "-0x400"}}}, // CKF_TOKEN_INITIALIZED
};

class Quirk : public ::testing::TestWithParam<Case> {
  protected:
    void TearDown() override { module().configure(nullptr, nullptr); }

    /// What there is to be seen, told by a child: this process learns nothing of the module.
    static std::vector<std::string> plainListing() {
        const auto file = scratch("listing");
        EXPECT_EQ(inChild([&] {
                      const Instance plain;
                      std::ofstream lines(file);
                      for (const auto& uri : listing(plain))
                          lines << uri << '\n';
                      return true;
                  }),
                  0);
        std::ifstream lines(file);
        std::vector<std::string> all;
        for (std::string line; std::getline(lines, line);)
            all.push_back(line);
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(All, Quirk, ::testing::ValuesIn(cases));

TEST_P(Quirk, LeavesThreadsAndEverythingElseToRun) {
    const auto all = plainListing();
    ASSERT_GT(all.size(), 30U);
    setQuirk(GetParam().quirk);
    for (const auto& [name, value] : GetParam().settings)
        configureModule(name, value);
    EXPECT_EQ(inChild([&] {
                  pinQuery() = GetParam().query;
                  const Instance instance(ConfiguredContext(GetParam().directives).take());
                  EXPECT_EQ(listing(instance), all);
                  expectSignatures(instance);
                  expectSecrets(instance);
                  expectHandshake(instance, "ec256");
                  expectThreads(instance);
                  return !HasFailure();
              }),
              0);
}

// A label is the same without the NUL at its end, also for whoever deletes.
TEST(QuirkOfNames, HidesNothingFromDeletion) {
    setQuirk("names-end-in-nul");
    const Instance instance;
    ASSERT_TRUE(generateEc(instance, "with-nul")) << takeErrors();
    EXPECT_EQ(destroy(instance, place("with-nul"), true), 1) << takeErrors();
    EXPECT_EQ(countOf("with-nul"), 0U);
    EXPECT_EQ(destroy(instance, place("with-nul"), true), 0);
    EXPECT_NE(takeErrors().find("exists to delete"), std::string::npos);
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// A handle that is valid only in the session that found the object.
class QuirkOfHandles : public ::testing::Test {
  protected:
    void SetUp() override {
        setQuirk("handles-per-session");
        // A copy of the key would take another session.
        instance.emplace(ConfiguredContext("pkcs11-module-cache-keys = false").take());
        key = loadPrivate(*instance, "rsa");
    }
    void TearDown() override {
        key.reset();
        instance.reset();
        module().configure("PKCS11_TEST_QUIRK", nullptr);
    }

    static bool signsNow() { return !sign(*instance, key.get(), {1}).empty(); }

    static inline std::optional<Instance> instance;
    static inline p11::ossl::Pkey key;
};

// The second thread gets a session of its own, in which the handle is not valid. The session is
// kept, and the key is found in it once.
TEST_F(QuirkOfHandles, FindsTheKeyInTheSessionThatUsesIt) {
    ASSERT_TRUE(signsNow()) << takeErrors();
    const auto inFirst = [] {
        std::thread([] {
            const CallCounter calls;
            EXPECT_TRUE(signsNow()) << takeErrors();
            EXPECT_EQ(calls.of("C_OpenSession"), 1U);
            EXPECT_EQ(calls.of("C_CloseSession"), 0U);
            EXPECT_EQ(calls.of("C_FindObjectsInit"), 1U);
        }).join();
    };
    ASSERT_EQ(module().setHook("C_Sign", inFirst), CKR_OK);
    EXPECT_TRUE(signsNow()) << takeErrors();
    EXPECT_TRUE(signsNow()) << takeErrors();
    const CallCounter calls;
    EXPECT_TRUE(signsNow()) << takeErrors();
    EXPECT_EQ(calls.log(), "C_Sign 1\nC_SignInit 1\n");
}

// Two keys of one label are two, whichever way they are found.
TEST(QuirkOfSearches, DoesNotHideThatSeveralKeysFit) {
    for (const char* quirk : {"find-one-at-a-time", "find-twice", "ignore-template"}) {
        setQuirk(quirk);
        const Instance instance;
        const auto key = loadPrivate(instance, "twin");
        ASSERT_TRUE(key) << takeErrors();
        EXPECT_TRUE(sign(instance, key.get(), {1}).empty()) << quirk;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find("several keys fit the URI"), std::string::npos) << quirk << errors;
    }
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

TEST(QuirkOfModules, ThatChangeTheProcessIsUndone) {
    setQuirk("changes-process");
    EXPECT_EQ(inChild([] {
                  std::setlocale(LC_ALL, "C");
                  const Instance instance;
                  EXPECT_TRUE(loadPrivate(instance, "ec256")) << takeErrors();
                  EXPECT_STREQ(std::setlocale(LC_ALL, nullptr), "C");
                  sigset_t blocked;
                  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
                  EXPECT_EQ(sigismember(&blocked, SIGTERM), 0);
                  return !::testing::Test::HasFailure();
              }),
              0);
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// A vendor's own answers say no more than CKR_FUNCTION_FAILED: once more, and told by their number.
TEST(QuirkOfModules, HasAnswersOfItsOwn) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    fault("C_Sign", "1", 0x80000123);
    EXPECT_FALSE(sign(instance, key.get(), {1}).empty()) << takeErrors();
    fault("C_Sign", "1+", 0x80000123);
    EXPECT_TRUE(sign(instance, key.get(), {1}).empty());
    EXPECT_NE(takeErrors().find("0x80000123"), std::string::npos);
    noFaults();
}

// Four sessions for eight threads: each waits for one, and nothing is taken for a loss.
TEST(QuirkOfSessions, HasOtherNamesForTheirLimit) {
    for (const char* quirk : {"full-is-host-memory", "full-is-arguments-bad"}) {
        setQuirk(quirk);
        configureModule("PKCS11_TEST_MAX_SESSIONS", "4");
        EXPECT_EQ(inChild([&] {
                      const Instance instance;
                      module().setDelays(0, 3000);
                      const CallCounter calls;
                      expectThreads(instance);
                      EXPECT_GT(calls.of("C_OpenSession"), 4U) << "the limit was not met";
                      EXPECT_EQ(calls.of("C_Initialize"), 1U);
                      EXPECT_EQ(calls.of("C_Finalize"), 0U);
                      EXPECT_EQ(calls.of("C_Login"), 1U);
                      return !::testing::Test::HasFailure();
                  }),
                  0)
            << quirk;
    }
    module().configure(nullptr, nullptr);
}

TEST(QuirkOfSessions, IsAWishOfTheConfiguration) {
    const ConfiguredContext limited("pkcs11-module-max-sessions = 2\n"
                                    "pkcs11-module-quirks = read-write-sessions\n");
    setQuirk("read-write-only");
    const CallCounter calls;
    const auto key = load(limited.get(), uriOf("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(calls.of("C_OpenSession"), 1U) << "none was refused";
    module().setDelays(0, 3000);
    std::atomic<int> good{0};
    inThreads(8, [&](int) {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(80);
        std::size_t size = signature.size();
        good +=
            EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", limited.get(), nullptr,
                                  key.get(), nullptr) == 1 &&
                    EVP_DigestSign(context.get(), signature.data(), &size, signature.data(), 1) == 1
                ? 1
                : 0;
    });
    EXPECT_EQ(good, 8) << takeErrors();
    EXPECT_LE(module().openSessions(), 2U);
    EXPECT_EQ(calls.of("C_OpenSession"), 2U);
    module().setDelays(0, 0);
    module().configure(nullptr, nullptr);
}

// Of a login that the token has no session for, before it looks at the PIN.
TEST(QuirkOfSessions, IsToldByALogin) {
    const Instance instance;
    fault("C_Login", "1", CKR_SESSION_COUNT);
    const CallCounter calls;
    const auto key = loadPrivate(instance, "ec256");
    EXPECT_TRUE(key) << takeErrors();
    EXPECT_EQ(calls.of("C_Login"), 2U);
    noFaults();
}

// The message whose RSA signature begins with zeros.
Bytes messageWithZeros(EVP_PKEY* software) {
    for (;;) {
        auto message = randomBytes(32);
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(256);
        std::size_t size = signature.size();
        EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", defaultOnly(), nullptr, software,
                              nullptr);
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size());
        if (signature[0] == 0)
            return message;
    }
}

TEST(QuirkOfSignatures, LeavesZerosOutThatAreThereAgain) {
    setQuirk("trim-rsa");
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto message = messageWithZeros(privateKeyFromFile(defaultOnly(), "rsa").get());
    const auto signature = sign(instance, key.get(), message);
    ASSERT_EQ(signature.size(), 256U) << takeErrors();
    EXPECT_EQ(signature[0], 0);
    EXPECT_TRUE(verify("rsa", signature, message));
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

Bytes signPss(const Instance& instance, EVP_PKEY* key, const Bytes& message) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Bytes signature(256);
    std::size_t size = signature.size();
    const bool done =
        EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr, key,
                              nullptr) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1;
    signature.resize(done ? size : 0);
    return signature;
}

// What C_SignInit has refused, and that it takes what is not listed, is known from then on.
TEST(QuirkOfMechanisms, IsMetOnceForAKey) {
    setQuirk("pss-not-listed,raw-rsa-refused");
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const Bytes message{1, 2, 3};
    EXPECT_TRUE(verify("rsa", signPss(instance, key.get(), message), message, "SHA256", true))
        << takeErrors();
    const CallCounter calls;
    EXPECT_TRUE(verify("rsa", signPss(instance, key.get(), message), message, "SHA256", true));
    EXPECT_EQ(calls.log(), "C_Sign 1\nC_SignInit 1\n");
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// One in 128 has a short r or s.
TEST(QuirkOfSignatures, OfEcdsaAreTakenWhereTheyVerify) {
    setQuirk("trim-ecdsa");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const Bytes message{1, 2, 3};
    for (int i = 0; i < 800; ++i)
        ASSERT_TRUE(verify("ec256", sign(instance, key.get(), message), message)) << takeErrors();
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// Where no public half is known, one in 128 can be read in two ways: it is made again.
TEST(QuirkOfSignatures, OfEcdsaThatMeanTwoThingsAreMadeAgain) {
    setQuirk("trim-ecdsa");
    const Instance instance;
    const auto key = loadPrivate(instance, "bare-ec");
    const Bytes message{1, 2, 3};
    const CallCounter calls;
    unsigned long signatures = 0;
    while (calls.of("C_Sign") == signatures) {
        const auto signature = sign(instance, key.get(), message);
        ASSERT_FALSE(signature.empty()) << takeErrors();
        ASSERT_TRUE(verify("bare-ec", signature, message));
        ++signatures;
    }
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// The token has no login for one operation, and its answer stands for the common one that is lost.
TEST(QuirkOfLogins, WithoutOneForAUseIsLoggedInToAgain) {
    setQuirk("no-context-login");
    configureModule(atEachUse, "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    configureModule("PKCS11_TEST_FAULT_EFFECT", "logout");
    fault("C_DeriveKey", "1", CKR_USER_NOT_LOGGED_IN);
    EXPECT_FALSE(derive(instance.get(), key.get(), publicKeyFromFile("ec256").get()).empty())
        << takeErrors();
    noFaults();
    module().configure(nullptr, nullptr);
}

// A token that has come since they were counted.
TEST(QuirkOfSlots, ThatAreNotSeenAreCountedOnceMore) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "ec256"));
    setQuirk("refresh-on-count");
    const Instance another;
    EXPECT_TRUE(load(another, uriOf("rsa"))) << takeErrors();
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// Slots are numbered anew, and the session of before is gone.
TEST(QuirkOfSlots, ThatAreNumberedAnewAreLookedForAgain) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (const char* function : {"C_SignInit", "C_Sign"}) {
        fault(function, "1", CKR_SLOT_ID_INVALID);
        EXPECT_FALSE(sign(instance, key.get(), {1}).empty()) << takeErrors();
        noFaults();
    }
}

} // namespace
