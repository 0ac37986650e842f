// SPDX-License-Identifier: Apache-2.0
// Loss and return: every function, every answer, once, twice and for ever, while a key is loaded,
// signs and decrypts. docs/recovery.md says what is to be expected; this is its proof.
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>

#include <openssl/rsa.h>

#include "fixture.h"
#include "losses.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

Bytes ciphertext() {
    const auto key = publicKeyFromFile("rsa");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key.get(), nullptr));
    Bytes out(256);
    std::size_t size = out.size();
    EVP_PKEY_encrypt_init(context.get());
    EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING);
    EVP_PKEY_encrypt(context.get(), out.data(), &size, data.data(), data.size());
    return out;
}

bool decrypts(const Instance& instance, EVP_PKEY* key, const Bytes& encrypted) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    Bytes out(256);
    std::size_t size = out.size();
    if (EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_decrypt(context.get(), out.data(), &size, encrypted.data(), encrypted.size()) != 1)
        return false;
    out.resize(size);
    return out == data;
}

bool signs(const Instance& instance, EVP_PKEY* key, const char* label = "rsa") {
    const auto signature = sign(instance, key, data);
    return !signature.empty() && verify(label, signature, data);
}

/// What an application does: each answers whether it went well.
struct Step {
    const char* name;
    std::vector<const char*> functions; ///< that it calls, in a process that has just begun it
    std::function<bool()> run;
};

class Loss : public ::testing::TestWithParam<CK_RV> {
  protected:
    // A context in which nothing is known, so that loading begins from C_Initialize.
    static bool loadsFresh() {
        const Instance instance;
        return load(instance, uriOf("rsa")) != nullptr;
    }

    std::vector<Step> steps() {
        instance_.emplace();
        key_ = loadPrivate(*instance_, "rsa");
        const auto encrypted = ciphertext();
        EXPECT_TRUE(signs(*instance_, key_.get()));
        EXPECT_TRUE(decrypts(*instance_, key_.get(), encrypted));
        return {
            {"sign", {"C_SignInit", "C_Sign"}, [this] { return signs(*instance_, key_.get()); }},
            {"decrypt",
             {"C_DecryptInit", "C_Decrypt"},
             [this, encrypted] { return decrypts(*instance_, key_.get(), encrypted); }},
            {"load",
             {"C_GetSlotList", "C_GetTokenInfo", "C_FindObjectsInit", "C_FindObjects",
              "C_FindObjectsFinal", "C_GetAttributeValue"},
             [this] { return load(*instance_, uriOf("ec256")) != nullptr; }}};
    }

    // Before a token is found there is its module or slot to be named.
    static const char* whereOf(const std::string& function) {
        return function == "C_GetSlotList"    ? "module pkcs11-test-module"
               : function == "C_GetTokenInfo" ? "slot"
                                              : "token \"scenarios\"";
    }

    template <typename List>
    static bool isIn(const List& list, CK_RV rv) {
        return std::find(list.begin(), list.end(), rv) != list.end();
    }

    // What reached C_Decrypt is not given to the key again, unless nothing can have begun.
    static bool mustNotBeRepeated(const std::string& function, CK_RV rv) {
        constexpr std::array before{CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
                                    CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED};
        return function == "C_Decrypt" && !isIn(before, rv);
    }

    // What is known of a ciphertext is nobody's business: all that may depend on it is told as one
    // (RFC 8017, section 7.1.2).
    static bool isToldAsBadCiphertext(const std::string& function, CK_RV rv) {
        constexpr std::array apart{CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_HOST_MEMORY};
        return mustNotBeRepeated(function, rv) && !isIn(apart, rv);
    }

    std::optional<Instance> instance_;
    p11::ossl::Pkey key_;
};

INSTANTIATE_TEST_SUITE_P(Lost, Loss, ::testing::ValuesIn(losses), nameOfLoss);
INSTANTIATE_TEST_SUITE_P(Vague, Loss, ::testing::ValuesIn(vague), nameOfLoss);

TEST_P(Loss, OnceOrTwiceIsNotNoticed) {
    for (const auto& step : steps())
        for (const char* function : step.functions)
            for (const char* calls : {"1", "2", "1-2"}) {
                fault(function, calls, GetParam());
                const bool good = step.run();
                const auto errors = takeErrors();
                if (mustNotBeRepeated(function, GetParam()) && *calls == '1')
                    EXPECT_FALSE(good) << step.name << " " << function << " " << calls;
                else
                    EXPECT_TRUE(good)
                        << step.name << " " << function << " " << calls << ": " << errors;
                noFaults();
                EXPECT_TRUE(step.run()) << "the next one after " << function << takeErrors();
            }
}

TEST_P(Loss, ForEverIsToldAndEndsWithTheTokensReturn) {
    for (const auto& step : steps())
        for (const char* function : step.functions) {
            if (std::string(function) == "C_FindObjectsFinal")
                continue; // what was found was found
            fault(function, "1+", GetParam());
            EXPECT_FALSE(step.run()) << step.name << " " << function;
            const auto errors = takeErrors();
            if (isToldAsBadCiphertext(function, GetParam())) {
                EXPECT_EQ(errors, "invalid data: decryption failed\n");
            } else {
                EXPECT_NE(errors.find(function), std::string::npos) << errors;
                EXPECT_NE(errors.find(p11::pkcs11::rvName(GetParam())), std::string::npos)
                    << errors;
                EXPECT_NE(errors.find(whereOf(function)), std::string::npos) << errors;
            }
            noFaults();
            EXPECT_TRUE(step.run()) << "after " << function << ": " << takeErrors();
        }
}

TEST_P(Loss, AtTheFirstLoadIsNotNoticed) {
    for (const char* function : {"C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession",
                                 "C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue"})
        for (const char* calls : {"1", "1-2"}) {
            fault(function, calls, GetParam());
            EXPECT_TRUE(loadsFresh()) << function << " " << calls << ": " << takeErrors();
            noFaults();
        }
}

// A PIN that was not refused is tried again only after answers that come before it is looked at.
TEST_P(Loss, AtTheFirstLoginRepeatsNoPinThatWasLookedAt) {
    constexpr std::array before{CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
                                CKR_CRYPTOKI_NOT_INITIALIZED, CKR_TOKEN_NOT_PRESENT,
                                CKR_DEVICE_REMOVED};
    const bool repeats = std::find(before.begin(), before.end(), GetParam()) != before.end();
    // In processes in which no PIN has proved good yet.
    EXPECT_EQ(inChild([&] {
                  fault("C_Login", "1", GetParam());
                  const CallCounter calls;
                  return loadsFresh() == repeats && calls.of("C_Login") == (repeats ? 2U : 1U);
              }),
              0);
    EXPECT_EQ(inChild([&] {
                  fault("C_Login", "1", GetParam());
                  loadsFresh();
                  return loadsFresh(); // it was nobody's refusal
              }),
              0);
}

// Those of handles tell nothing of the sessions that are lost with them here.
std::vector<CK_RV> lossesOfMoreThanHandles() {
    std::vector<CK_RV> all(losses.begin(), losses.end());
    std::erase(all, CKR_KEY_HANDLE_INVALID);
    std::erase(all, CKR_OBJECT_HANDLE_INVALID);
    return all;
}

class LossOnTheWayBack : public ::testing::TestWithParam<CK_RV> {};
INSTANTIATE_TEST_SUITE_P(Lost, LossOnTheWayBack, ::testing::ValuesIn(lossesOfMoreThanHandles()),
                         nameOfLoss);
INSTANTIATE_TEST_SUITE_P(Vague, LossOnTheWayBack, ::testing::ValuesIn(vague), nameOfLoss);

// Everything is lost at once, and what the operation needs on its way back fails, too.
TEST_P(LossOnTheWayBack, IsNotNoticed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    ASSERT_TRUE(signs(instance, key.get()));
    ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "close"), CKR_OK);
    for (const char* function : {"C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_Login",
                                 "C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue"}) {
        const auto rule = std::string("C_Sign:1=CKR_SESSION_HANDLE_INVALID,") + function +
                          ":1=" + std::to_string(GetParam());
        ASSERT_EQ(module().setFaults(rule.c_str()), CKR_OK);
        EXPECT_TRUE(signs(instance, key.get())) << function << ": " << takeErrors();
        noFaults();
    }
}

// No way to the token at all: the module is ended and begun anew, unless another token still
// answers.
void restarts(bool otherTokenAnswers) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    ASSERT_TRUE(signs(instance, key.get()));
    EXPECT_FALSE(load(instance, "pkcs11:token=retry;object=none?pin-value=1234"));
    takeErrors();
    ASSERT_EQ(module().openSessions(), 2U) << "one for each token";
    std::string rules = "C_SignInit:1=CKR_DEVICE_ERROR,C_GetSlotList:1-2=CKR_DEVICE_ERROR";
    if (!otherTokenAnswers)
        rules += ",C_GetTokenInfo:1=CKR_DEVICE_ERROR";
    ASSERT_EQ(module().setFaults(rules.c_str()), CKR_OK);
    const CallCounter calls;
    EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
    EXPECT_EQ(calls.of("C_Finalize"), otherTokenAnswers ? 0U : 1U);
    EXPECT_EQ(calls.of("C_Initialize"), otherTokenAnswers ? 0U : 1U);
}

// As SoftHSM does while another process logs in. The next attempt comes when it may be over.
TEST(LossThatPasses, WithinMillisecondsIsNotNoticed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    for (const std::string function : {"C_GetTokenInfo", "C_OpenSession", "C_Login"}) {
        const auto faults =
            "C_SignInit:1=CKR_DEVICE_REMOVED," + function + ":20ms=CKR_GENERAL_ERROR";
        ASSERT_EQ(module().setFaults(faults.c_str()), CKR_OK);
        const CallCounter calls;
        EXPECT_TRUE(signs(instance, key.get())) << function << takeErrors();
        EXPECT_GE(calls.of(function), 2U);
    }
}

TEST(Restart, OfTheModuleWhereNoTokenAnswers) {
    restarts(false);
}

TEST(Restart, DoesNotTakeAnotherTokensSessions) {
    restarts(true);
}

// Another pair with the label, the id and the parameters of the one before.
void replaceEcKey(const std::string& label, unsigned char id) {
    auto writer = tokenWriter("scenarios");
    writer.destroy(label);
    std::string name = label;
    CK_BBOOL yes = CK_TRUE;
    Bytes p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    std::vector<CK_ATTRIBUTE> common{{CKA_TOKEN, &yes, sizeof yes},
                                     {CKA_LABEL, name.data(), name.size()},
                                     {CKA_ID, &id, sizeof id}};
    auto publicValues = common;
    publicValues.push_back({CKA_EC_PARAMS, p256.data(), p256.size()});
    auto privateValues = common;
    privateValues.push_back({CKA_SIGN, &yes, sizeof yes});
    writer.generatePair(CKM_EC_KEY_PAIR_GEN, publicValues, privateValues);
}

constexpr unsigned char ec256Id = 3;

void anotherKeyDoesNotSign(bool publicHalfIsKnown) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    if (publicHalfIsKnown) {
        ASSERT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1);
    }
    ASSERT_TRUE(signs(instance, key.get(), "ec256"));
    replaceEcKey("ec256", ec256Id);
    EXPECT_TRUE(sign(instance, key.get(), data).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("another key has replaced the private key \"ec256\""), std::string::npos)
        << errors;
    // Whoever loads it anew gets the new one.
    const auto fresh = loadPrivate(instance, "ec256");
    EXPECT_FALSE(sign(instance, fresh.get(), data).empty()) << takeErrors();
}

TEST(AnotherKey, DoesNotSignForOneWhosePublicHalfIsKnown) {
    anotherKeyDoesNotSign(true);
}

TEST(AnotherKey, DoesNotSignForOneThatIsKnownByItsSignaturesOnly) {
    anotherKeyDoesNotSign(false);
}

TEST(SameKey, IsFoundAgainByWhatItSigns) {
    const Instance instance;
    for (const char* label : {"ec256", "withcert", "bare-ec", "rsa"}) {
        const auto key = loadPrivate(instance, label);
        ASSERT_TRUE(signs(instance, key.get(), label)) << label << takeErrors();
        fault("C_SignInit", "1", CKR_KEY_HANDLE_INVALID);
        EXPECT_TRUE(signs(instance, key.get(), label)) << label << takeErrors();
    }
}

// Other threads' successes make more attempts, which must not help a key that is not there any more
// to take the connection away from them again and again.
TEST(LossOfMany, AKeyThatIsGoneDisturbsTheOthersNoMoreThanAlone) {
    const Instance instance;
    const auto other = loadPrivate(instance, "rsa");
    const auto gone = loadPrivate(instance, "bare-ec");
    tokenWriter("scenarios").destroy("bare-ec");
    std::atomic<bool> done{false};
    std::thread failing([&] {
        const CallCounter calls;
        EXPECT_FALSE(signs(instance, gone.get(), "bare-ec"));
        EXPECT_NE(takeErrors().find("no longer exists"), std::string::npos);
        EXPECT_LE(calls.of("C_Login"), 4U);
        done = true;
    });
    inThreads(4, [&](int) {
        while (!done) {
            EXPECT_TRUE(signs(instance, other.get(), "rsa"));
            EXPECT_EQ(takeErrors(), "");
        }
    });
    failing.join();
}

TEST(LossOfMany, NoSignatureIsLostAndNoneIsWrong) {
    constexpr int crowd = 32;
    constexpr int rounds = 25;
    const Instance instance;
    const auto rsa = loadPrivate(instance, "rsa");
    const auto ec = loadPrivate(instance, "ec256");
    ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "close"), CKR_OK);
    std::string rules;
    // Eight losses: a slow thread may meet each of them twice in one operation, which survives 19.
    for (int call = 90; call < 700; call += 170)
        rules += "C_Sign:" + std::to_string(call) +
                 "=CKR_DEVICE_REMOVED,C_SignInit:" + std::to_string(call + 85) +
                 "=CKR_SESSION_HANDLE_INVALID,";
    rules.pop_back();
    ASSERT_EQ(module().setFaults(rules.c_str()), CKR_OK);
    std::atomic<int> good{0};
    inThreads(crowd, [&](int i) {
        const char* label = i % 2 == 0 ? "rsa" : "ec256";
        auto* key = i % 2 == 0 ? rsa.get() : ec.get();
        for (int round = 0; round < rounds; ++round) {
            good += signs(instance, key, label) ? 1 : 0;
            const auto errors = takeErrors();
            EXPECT_EQ(errors, "");
        }
    });
    EXPECT_EQ(good, crowd * rounds);
}

} // namespace
