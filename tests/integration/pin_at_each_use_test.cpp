// SPDX-License-Identifier: Apache-2.0
// PINs for keys that need a login at each use. Each test is a process of its own.
#include <filesystem>
#include <fstream>
#include <functional>

#include <openssl/rsa.h>

#include "agreement.h"
#include "new_keys.h"
#include "pins.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

bool decrypts(const Instance& instance, EVP_PKEY* key) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    const Bytes ciphertext(256, 1);
    Bytes out(256);
    std::size_t size = out.size();
    return EVP_PKEY_decrypt_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
           EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(),
                            ciphertext.size()) == 1;
}

bool derives(const Instance& instance, EVP_PKEY* key) {
    return !derive(instance.get(), key, publicKeyFromFile("ec256").get()).empty();
}

/// A key that is logged in for at each use.
class AtEachUse : public ::testing::Test {
  protected:
    AtEachUse() { configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1"); }

    using Run = std::function<bool()>;
    /// For keys that sign, decrypt and derive, each in a process that has refused no PIN yet.
    static void forEachUse(const std::function<void(const Run& run)>& body) {
        struct Use {
            const char* label;
            bool (*run)(const Instance& instance, EVP_PKEY* key);
        };
        for (const Use& use : {Use{"ec256", signs}, Use{"rsa", decrypts}, Use{"ec256", derives}})
            EXPECT_EQ(inChild([&] {
                          const Instance instance;
                          const auto key = loadPrivate(instance, use.label);
                          body([&] { return use.run(instance, key.get()); });
                          return !HasFailure();
                      }),
                      0);
    }
};

TEST_F(AtEachUse, APinIsNotTriedAgainOnceItWasRefused) {
    forEachUse([](const Run& run) {
        ASSERT_TRUE(run()) << takeErrors();
        fault("C_Login", "1", CKR_PIN_INCORRECT); // somebody has changed it
        const CallCounter calls;
        EXPECT_FALSE(run());
        EXPECT_NE(takeErrors().find("CKR_PIN_INCORRECT"), std::string::npos);
        for (int i = 0; i < 4; ++i) {
            EXPECT_FALSE(run());
            EXPECT_NE(takeErrors().find("is not tried again"), std::string::npos);
        }
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    });
}

TEST_F(AtEachUse, APinIsRefusedOnceToManyThreads) {
    forEachUse([](const Run& run) {
        fault("C_Login", "1+", CKR_PIN_INCORRECT);
        module().setDelays(1000, 0);
        const CallCounter calls;
        inThreads(8, [&](int) { EXPECT_FALSE(run()); });
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    });
}

TEST_F(AtEachUse, APinThatWasGoodIsTriedOnceMoreAfterAnUnclearAnswer) {
    forEachUse([](const Run& run) {
        for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED}) {
            fault("C_Login", "1", rv);
            EXPECT_TRUE(run()) << p11::pkcs11::rvName(rv) << takeErrors();
        }
        fault("C_Login", "1+", CKR_GENERAL_ERROR);
        const CallCounter calls;
        EXPECT_FALSE(run());
        EXPECT_EQ(calls.of("C_Login"), 2U) << calls.log();
    });
}

TEST_F(AtEachUse, APinThatTheTokenCountsAsWrongIsRefusedWhateverItAnswers) {
    forEachUse([](const Run& run) {
        configureModule("PKCS11_TEST_FAULT_EFFECT", "count");
        fault("C_Login", "1", CKR_GENERAL_ERROR);
        const CallCounter calls;
        EXPECT_FALSE(run());
        EXPECT_FALSE(run());
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    });
}

TEST_F(AtEachUse, AWrongPinThatSomebodyElseHasEnteredIsNotHeldAgainstAGoodOne) {
    forEachUse([](const Run& run) {
        ASSERT_TRUE(run()) << takeErrors();
        configureModule("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_USER_PIN_COUNT_LOW));
        fault("C_Login", "1", CKR_GENERAL_ERROR);
        EXPECT_TRUE(run()) << takeErrors();
    });
}

/// The PIN for each use differs from the token's PIN, and is in the URI.
class PinForUses : public AtEachUse {
  protected:
    PinForUses() { configureModule("PKCS11_TEST_QUIRK", "context-pin"); } // 9876

    static std::string file(const std::string& pin) {
        const auto path = scratch("pin-for-uses");
        std::ofstream(path) << pin;
        std::filesystem::permissions(path, std::filesystem::perms::owner_read |
                                               std::filesystem::perms::owner_write);
        return path.string();
    }
};

TEST_F(PinForUses, IsTakenFromTheUriWhateverTheDirectiveHas) {
    const ConfiguredContext configured("pkcs11-module-context-pin = 1111");
    for (const auto& given :
         {std::string("x-context-pin-value=9876"), "x-context-pin-source=file:" + file("9876")}) {
        const auto key = load(configured.get(), uriOf("ec256") + "&" + given);
        ASSERT_TRUE(key) << takeErrors();
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(80);
        std::size_t size = signature.size();
        const CallCounter calls;
        EXPECT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", configured.get(), nullptr,
                                        key.get(), nullptr),
                  1);
        EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()),
                  1)
            << given << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    }
}

TEST_F(PinForUses, IsTheDirectivesWhereTheUrisIsEmpty) {
    const ConfiguredContext configured("pkcs11-module-context-pin = 9876");
    const auto key = load(configured.get(), uriOf("ec256") + "&x-context-pin-value=");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_FALSE(derive(configured.get(), key.get(), publicKeyFromFile("ec256").get()).empty())
        << takeErrors();
}

TEST_F(PinForUses, IsTriedOnceIfItIsWrongAndToldNowhere) {
    const auto log = scratch("log");
    ASSERT_EQ(setenv("PKCS11_PROVIDER_DEBUG", ("file:" + log.string() + ",level:2").c_str(), 1), 0);
    const std::string wrong = "wrong-for-uses";
    for (const auto& given :
         {"x-context-pin-value=" + wrong, "x-context-pin-source=" + file(wrong)}) {
        const Instance instance;
        const auto key = load(instance, uriOf("ec256") + "&" + given);
        ASSERT_TRUE(key) << takeErrors();
        for (int i = 0; i < 3; ++i) {
            EXPECT_FALSE(signs(instance, key.get()));
            const auto errors = takeErrors();
            EXPECT_NE(errors.find("the PIN was refused"), std::string::npos) << errors;
            EXPECT_EQ(errors.find(wrong), std::string::npos) << errors;
        }
    }
    std::ifstream lines(log);
    int refused = 0;
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(line.find(wrong), std::string::npos) << line;
        refused += line.find("C_Login CKR_PIN_INCORRECT") != std::string::npos ? 1 : 0;
    }
    EXPECT_EQ(refused, 1);
}

TEST_F(PinForUses, InAFileThatIsNotThereFailsTheUse) {
    const Instance instance;
    const auto key = load(instance, uriOf("ec256") + "&x-context-pin-source=/nowhere/pin");
    ASSERT_TRUE(key) << takeErrors();
    const CallCounter calls;
    EXPECT_FALSE(signs(instance, key.get()));
    EXPECT_NE(takeErrors().find("/nowhere/pin"), std::string::npos);
    const auto other = load(instance, uriOf("ec256") + "&x-context-pin-source=%7Ccat");
    EXPECT_FALSE(signs(instance, other.get()));
    EXPECT_NE(takeErrors().find("x-context-pin-source names a command"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
}

TEST_F(PinForUses, GoesWithANewKey) {
    const Instance instance;
    const auto key = generate(
        instance, "EC",
        {{"group", "P-256"}, {"pkcs11_uri", place("new-use") + "&x-context-pin-value=9876"}});
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
    EXPECT_EQ(destroy(instance, place("new-use"), true), 1) << takeErrors();
}

} // namespace
