// SPDX-License-Identifier: Apache-2.0
// Tokens that can less, or behave worse, than SoftHSM: by the test module before it. Each test is
// a process of its own.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>

#include <openssl/rsa.h>
#include <openssl/ui.h>
#include <unistd.h>

#include "fixture.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(5000);

class WorseToken : public ::testing::Test {
  protected:
    static void hideMechanisms(const std::vector<CK_MECHANISM_TYPE>& mechanisms) {
        std::string list;
        for (const auto mechanism : mechanisms)
            list += (list.empty() ? "" : ",") + std::to_string(mechanism);
        configureModule("PKCS11_TEST_HIDE_MECHANISMS", list);
    }
};

Bytes signPss(const Instance& instance, EVP_PKEY* key) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Bytes signature(512);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr, key,
                              nullptr) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

Bytes decrypt(const Instance& instance, EVP_PKEY* key, const Bytes& ciphertext, int padding) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    EVP_PKEY_decrypt_init(context.get());
    EVP_PKEY_CTX_set_rsa_padding(context.get(), padding);
    Bytes out(256);
    std::size_t size = out.size();
    if (EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(), ciphertext.size()) !=
        1)
        return {};
    out.resize(size);
    return out;
}

Bytes encrypt(const Bytes& message, int padding) {
    const auto key = publicKeyFromFile("rsa");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key.get(), nullptr));
    EVP_PKEY_encrypt_init(context.get());
    EVP_PKEY_CTX_set_rsa_padding(context.get(), padding);
    Bytes out(256);
    std::size_t size = out.size();
    EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &size, message.data(), message.size()),
              1);
    return out;
}

TEST_F(WorseToken, WithCombinedMechanismsOnlyGetsTheWholeMessage) {
    hideMechanisms({CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_PSS});
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto big = randomBytes(2'000'000);
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_TRUE(verify("rsa", sign(instance, key.get(), big), big)) << takeErrors();
    const CallCounter calls;
    EXPECT_TRUE(verify("rsa", sign(instance, key.get(), data, "SHA512"), data, "SHA512"))
        << takeErrors();
    EXPECT_EQ(calls.total(), 2) << calls.log();
    EXPECT_TRUE(verify("rsa", signPss(instance, key.get()), data, "SHA256", true)) << takeErrors();
    // Streamed, with a copy made half way.
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    EVP_DigestSignUpdate(context.get(), data.data(), 1000);
    ASSERT_EQ(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1);
    EVP_DigestSignUpdate(context.get(), data.data(), 7);
    EVP_DigestSignUpdate(copy.get(), data.data() + 1000, data.size() - 1000);
    Bytes signature(256);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSignFinal(copy.get(), signature.data(), &size), 1) << takeErrors();
    EXPECT_TRUE(verify("rsa", signature, data));
}

TEST_F(WorseToken, WithRawRsaOnlyIsPaddedForInTheHost) {
    hideMechanisms({CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_RSA_PKCS_OAEP});
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_TRUE(verify("rsa", sign(instance, key.get(), data), data)) << takeErrors();
    EXPECT_TRUE(verify("rsa", signPss(instance, key.get()), data, "SHA256", true)) << takeErrors();
    const auto message = randomBytes(50);
    for (const int padding : {RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING})
        EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, padding), padding), message)
            << takeErrors();
}

TEST_F(WorseToken, WithoutRawRsaUnpadsByItselfAndTellsNothing) {
    hideMechanisms({CKM_RSA_X_509});
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto message = randomBytes(50);
    for (const int padding : {RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING})
        EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, padding), padding), message)
            << takeErrors();
    auto block = randomBytes(256);
    block[0] = 0;
    const auto bad = encrypt(block, RSA_NO_PADDING);
    const auto first = decrypt(instance, key.get(), bad, RSA_PKCS1_PADDING);
    EXPECT_EQ(takeErrors(), "");
    EXPECT_EQ(first, decrypt(instance, key.get(), bad, RSA_PKCS1_PADDING));
    EXPECT_EQ(takeErrors(), "");
    EXPECT_TRUE(decrypt(instance, key.get(), bad, RSA_PKCS1_OAEP_PADDING).empty());
    EXPECT_EQ(takeErrors(), "invalid data: decryption failed\n");
}

TEST_F(WorseToken, WithNoFittingMechanismSaysSo) {
    hideMechanisms({CKM_RSA_X_509, CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS});
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_TRUE(sign(instance, key.get(), data).empty());
    EXPECT_NE(takeErrors().find("CKM_RSA_X_509"), std::string::npos);
}

TEST_F(WorseToken, WithNothingButPrivateKeysSigns) {
    configureModule("PKCS11_TEST_HIDE_CLASSES",
                    std::to_string(CKO_PUBLIC_KEY) + "," + std::to_string(CKO_CERTIFICATE));
    configureModule("PKCS11_TEST_HIDE_ATTRIBUTES", std::to_string(CKA_PUBLIC_EXPONENT));
    const Instance instance;
    for (const char* label : {"rsa", "ec256"}) {
        const auto key = loadPrivate(instance, label);
        EXPECT_TRUE(verify(label, sign(instance, key.get(), data), data)) << label << takeErrors();
        EXPECT_EQ(EVP_PKEY_get_bits(key.get()), label == std::string("rsa") ? 2048 : 256);
        EXPECT_LT(i2d_PUBKEY(key.get(), nullptr), 1) << "there is no public half to give";
        takeErrors();
        const auto certificate = certificateFromFile(instance.get(), label);
        EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1) << label << takeErrors();
    }
}

TEST_F(WorseToken, ThatRefusesATemplateForOneAttributeIsReadOneByOne) {
    configureModule("PKCS11_TEST_REFUSE_ATTRIBUTES", std::to_string(CKA_ALLOWED_MECHANISMS) + "," +
                                                         std::to_string(CKA_PUBLIC_KEY_INFO));
    const Instance instance;
    const CallCounter calls;
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_GT(calls.of("C_GetAttributeValue"), 1U) << "nothing was refused";
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("rsa").get()), 1) << takeErrors();
    EXPECT_TRUE(verify("rsa", sign(instance, key.get(), data), data)) << takeErrors();
}

TEST_F(WorseToken, WithRawEcPointsGivesThePublicKey) {
    configureModule("PKCS11_TEST_RAW_EC_POINT", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1) << takeErrors();
}

TEST_F(WorseToken, ThatCannotLockIsUsedByOneThreadAtATime) {
    configureModule("PKCS11_TEST_NO_OS_LOCKING", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto crowdSigns = [&] {
        module().setDelays(0, 5000); // so that they meet
        module().resetCounts();
        std::atomic<int> good{0};
        inThreads(8, [&](int) {
            good += verify("ec256", sign(instance, key.get(), data), data) ? 1 : 0;
        });
        return good == 8;
    };
    EXPECT_TRUE(crowdSigns());
    EXPECT_EQ(module().concurrency(), 1U);
}

TEST_F(WorseToken, ThatIsInitializedAlreadyIsUsedAllTheSameAndNotEnded) {
    configureModule("PKCS11_TEST_ALREADY_INITIALIZED", "1");
    const CallCounter calls;
    {
        const Instance instance;
        const auto key = loadPrivate(instance, "ec256");
        EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << takeErrors();
    }
    EXPECT_EQ(calls.of("C_Initialize"), 1U);
    EXPECT_EQ(calls.of("C_Finalize"), 0U) << "it is the one's who initialised it";
}

TEST_F(WorseToken, WithFewSessionsServesManyThreads) {
    constexpr int crowd = 64;
    constexpr int rounds = 5;
    configureModule("PKCS11_TEST_MAX_SESSIONS", "4");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    module().setDelays(1000, 0);
    const auto start = std::chrono::steady_clock::now();
    const CallCounter calls;
    std::atomic<int> good{0};
    inThreads(crowd, [&](int) {
        for (int round = 0; round < rounds; ++round)
            good += verify("ec256", sign(instance, key.get(), data), data) ? 1 : 0;
    });
    EXPECT_EQ(good, crowd * rounds);
    EXPECT_EQ(module().openSessions(), 4U);
    EXPECT_EQ(calls.of("C_SignInit"), static_cast<unsigned long>(crowd * rounds));
    // A full token is not asked again and again: at most once by each thread in a second.
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start)
            .count();
    EXPECT_LE(calls.of("C_OpenSession"), static_cast<unsigned long>(crowd * (1 + seconds)))
        << calls.log();
}

int questions = 0;

int askNobody(char*, int, int, void*) {
    ++questions;
    return -1;
}

// The key, where somebody could be asked for a PIN.
p11::ossl::Pkey loadAsking(const Instance& instance, const std::string& uri) {
    const p11::ossl::Owner<UI_METHOD, UI_destroy_method> asker(
        UI_UTIL_wrap_read_pem_callback(askNobody, 0));
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(OSSL_STORE_open_ex(
        uri.c_str(), instance.get(), nullptr, asker.get(), nullptr, nullptr, nullptr, nullptr));
    EXPECT_EQ(OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY), 1);
    const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
        OSSL_STORE_load(store.get()));
    return p11::ossl::Pkey(info ? OSSL_STORE_INFO_get1_PKEY(info.get()) : nullptr);
}

TEST_F(WorseToken, WithAPinPadAsksNobody) {
    const auto uri = "pkcs11:token=scenarios;object=ec256;type=private";
    EXPECT_FALSE(loadAsking(Instance(), uri));
    EXPECT_EQ(questions, 1) << "without a PIN pad somebody is asked";
    takeErrors();
    configureModule("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    const auto key = loadAsking(instance, uri);
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << takeErrors();
    EXPECT_EQ(questions, 1);
}

TEST_F(WorseToken, TellsWhatTheTokenSaysOfItsPin) {
    const std::map<CK_FLAGS, std::string> told{
        {CKF_USER_PIN_COUNT_LOW, "CKF_USER_PIN_COUNT_LOW"},
        {CKF_USER_PIN_FINAL_TRY, "CKF_USER_PIN_FINAL_TRY"},
        {CKF_USER_PIN_TO_BE_CHANGED, "CKF_USER_PIN_TO_BE_CHANGED"}};
    const Instance instance;
    for (const auto& [flag, name] : told) {
        configureModule("PKCS11_TEST_TOKEN_FLAGS", std::to_string(flag));
        const auto uri = "pkcs11:token=retry;object=a;type=private?pin-value=no" + name;
        EXPECT_FALSE(load(instance, uri));
        EXPECT_NE(takeErrors().find(name), std::string::npos) << name;
    }
}

TEST_F(WorseToken, TellsThatThePinIsExpiredOrLocked) {
    const Instance instance;
    for (const CK_RV rv : {CKR_PIN_EXPIRED, CKR_PIN_LOCKED}) {
        fault("C_Login", "1", rv);
        const CallCounter calls;
        EXPECT_FALSE(load(instance, uriOf("ec256")));
        EXPECT_NE(takeErrors().find(p11::pkcs11::rvName(rv)), std::string::npos);
        EXPECT_EQ(calls.of("C_Login"), 1U);
    }
}

// In the same process: from a file that is corrected, then from the URI.
TEST(PinSource, IsAskedAnewEachTime) {
    const Instance instance;
    const auto file = scratch("pin");
    const auto write = [&file](const char* pin) {
        std::ofstream(file) << pin << "\n";
        std::filesystem::permissions(file, std::filesystem::perms::owner_read |
                                               std::filesystem::perms::owner_write);
    };
    const auto uri = "pkcs11:token=scenarios;object=ec256;type=private?pin-source=" + file.string();
    write("0000");
    EXPECT_FALSE(load(instance, uri));
    EXPECT_NE(takeErrors().find("CKR_PIN_INCORRECT"), std::string::npos);
    write("1234");
    EXPECT_TRUE(load(instance, uri)) << takeErrors();
    std::filesystem::remove(file);
    EXPECT_TRUE(load(instance, uriOf("rsa"))) << takeErrors();
}

TEST_F(WorseToken, WithALockedPinIsNotTried) {
    configureModule("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_USER_PIN_LOCKED));
    const Instance instance;
    const CallCounter calls;
    EXPECT_FALSE(load(instance, uriOf("ec256")));
    EXPECT_NE(takeErrors().find("CKF_USER_PIN_LOCKED"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0);
}

TEST_F(WorseToken, WithKeysThatAskEachTimeIsLoggedInToEachTime) {
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (int i = 0; i < 3; ++i) {
        const CallCounter calls;
        EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U);
    }
    const auto rsa = loadPrivate(instance, "rsa");
    const Bytes secret{1, 2, 3};
    for (int i = 0; i < 3; ++i) {
        const CallCounter calls;
        EXPECT_EQ(decrypt(instance, rsa.get(), encrypt(secret, RSA_PKCS1_OAEP_PADDING),
                          RSA_PKCS1_OAEP_PADDING),
                  secret)
            << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U);
    }
}

// PKCS#11 3.0 modules: the operation stays begun, and each signature is one call.
class MessageSigner : public WorseToken {
  protected:
    MessageSigner() { configureModule("PKCS11_TEST_MESSAGE_SIGN", "1"); }
};

TEST_F(MessageSigner, SignsInOneCall) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256", "ed25519"}) {
        const auto key = loadPrivate(instance, label);
        const char* digest = label == std::string("ed25519") ? nullptr : "SHA256";
        const auto works = [&] {
            return verify(label, sign(instance, key.get(), data, digest), data, digest);
        };
        EXPECT_TRUE(works()) << label << takeErrors();
        for (int i = 0; i < 3; ++i) {
            const CallCounter calls;
            EXPECT_TRUE(works()) << label << takeErrors();
            EXPECT_EQ(calls.log(), "C_SignMessage 1\n");
        }
    }
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_TRUE(verify("rsa", signPss(instance, key.get()), data, "SHA256", true));
    const CallCounter calls;
    EXPECT_TRUE(verify("rsa", signPss(instance, key.get()), data, "SHA256", true));
    EXPECT_EQ(calls.log(), "C_SignMessage 1\n");
}

// CKR_ARGUMENTS_BAD is some modules' answer to everything.
TEST_F(MessageSigner, IsNotGivenUpForWhatMayBeAnyFailure) {
    configureModule("PKCS11_TEST_MAX_SESSIONS", "1");
    const Instance instance;
    const auto rsa = loadPrivate(instance, "rsa");
    const auto ec = loadPrivate(instance, "ec256");
    ASSERT_FALSE(sign(instance, ec.get(), data, "SHA256").empty());
    ASSERT_FALSE(sign(instance, rsa.get(), data, "SHA256").empty()); // which ends the other
    fault("C_MessageSignInit", "1", CKR_ARGUMENTS_BAD);
    EXPECT_FALSE(sign(instance, ec.get(), data, "SHA256").empty()) << takeErrors();
    noFaults();
    ASSERT_FALSE(sign(instance, ec.get(), data, "SHA256").empty());
    const CallCounter calls;
    EXPECT_FALSE(sign(instance, ec.get(), data, "SHA256").empty());
    EXPECT_EQ(calls.log(), "C_SignMessage 1\n");
}

TEST_F(MessageSigner, WithOneSessionTakesTurns) {
    configureModule("PKCS11_TEST_MAX_SESSIONS", "1");
    const Instance instance;
    const auto ec = loadPrivate(instance, "ec256");
    const auto rsa = loadPrivate(instance, "rsa");
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(verify("ec256", sign(instance, ec.get(), data), data)) << takeErrors();
        EXPECT_TRUE(verify("rsa", sign(instance, rsa.get(), data), data)) << takeErrors();
        EXPECT_TRUE(loadPrivate(instance, "ec384"));
    }
    EXPECT_EQ(module().openSessions(), 1U);
}

TEST_F(MessageSigner, SignsInACrowd) {
    configureModule("PKCS11_TEST_MAX_SESSIONS", "4");
    const Instance instance;
    const auto ec = loadPrivate(instance, "ec256");
    const auto rsa = loadPrivate(instance, "rsa");
    std::atomic<int> good{0};
    inThreads(16, [&](int i) {
        const char* label = i % 2 == 0 ? "ec256" : "rsa";
        for (int round = 0; round < 5; ++round)
            good += verify(label, sign(instance, (i % 2 == 0 ? ec : rsa).get(), data), data);
    });
    EXPECT_EQ(good, 16 * 5) << takeErrors();
}

TEST_F(MessageSigner, SurvivesALoss) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(verify("ec256", sign(instance, key.get(), data), data));
    configureModule("PKCS11_TEST_FAULT_EFFECT", "close");
    for (const char* function : {"C_SignMessage", "C_MessageSignInit"}) {
        fault(function, "1", CKR_SESSION_HANDLE_INVALID);
        EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data))
            << function << takeErrors();
    }
}

// Each login is for one operation, and a message signing would last for many.
TEST_F(MessageSigner, WithKeysThatAskEachTimeIsLoggedInToEachTimeAndTriesNoPinTwice) {
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (int i = 0; i < 2; ++i) {
        const CallCounter calls;
        EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
        EXPECT_EQ(calls.of("C_SignMessage"), 0U) << calls.log();
    }
    // In a process of its own, which knows no PIN afterwards.
    EXPECT_EQ(inChild([&] {
                  EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data));
                  fault("C_Login", "1", CKR_PIN_INCORRECT);
                  const CallCounter calls;
                  for (int i = 0; i < 3; ++i)
                      EXPECT_TRUE(sign(instance, key.get(), data).empty());
                  EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
                  return !HasFailure();
              }),
              0);
}

TEST_F(MessageSigner, ThatDoesNotAfterAllSignsInTwoCalls) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    fault("C_MessageSignInit", "1+", CKR_FUNCTION_NOT_SUPPORTED);
    for (int i = 0; i < usesUntilSteady; ++i)
        EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << takeErrors();
    const CallCounter calls;
    EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << takeErrors();
    EXPECT_EQ(calls.log(), "C_Sign 1\nC_SignInit 1\n");
}

} // namespace
