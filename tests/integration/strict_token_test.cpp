// SPDX-License-Identifier: Apache-2.0
// Modules that insist on more than SoftHSM (tests/support/strict.cpp), and what is left to them.
// Each test is a process of its own.
#include <array>
#include <filesystem>
#include <map>
#include <thread>

#include "agreement.h"
#include "decryption.h"
#include "new_keys.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

TEST(TokenThatCannotLock, IsCalledByOneThreadAtATime) {
    configureModule("PKCS11_TEST_NO_OS_LOCKING", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    module().setDelays(500, 0);
    const auto before = module().breaches();
    inThreads(4, [&](int) {
        for (int i = 0; i < 5; ++i)
            EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    });
    EXPECT_EQ(module().breaches(), before);
}

// That it is seen at all.
TEST(TokenThatCannotLock, TellsOfTwoThreads) {
    EXPECT_EQ(inChild([] {
                  auto* list = moduleFunctions();
                  if (list->C_Initialize(nullptr) != CKR_OK)
                      return false;
                  const auto before = module().breaches();
                  const auto callBeside = [] {
                      std::thread([] {
                          CK_INFO info{};
                          moduleFunctions()->C_GetInfo(&info);
                      }).join();
                  };
                  EXPECT_EQ(module().setHook("C_GetInfo", callBeside), CKR_OK);
                  CK_INFO info{};
                  list->C_GetInfo(&info);
                  const bool seen = module().breaches() > before;
                  _exit(seen ? 0 : 1);
              }),
              0);
}

using Calls = std::map<std::string, unsigned long>;

// CKR_GENERAL_ERROR says nothing of the session: another one is opened, before the login would end
// with the last.
TEST(FailedSession, IsReplacedAndTheLoginGoesOn) {
    // The session of a copy of the key would keep the login, too.
    const Instance instance(ConfiguredContext("pkcs11-module-cache-keys = false").take());
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    fault("C_Sign", "1", CKR_GENERAL_ERROR);
    const CallCounter calls;
    EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    EXPECT_EQ(
        calls.all(),
        (Calls{{"C_SignInit", 2}, {"C_Sign", 2}, {"C_OpenSession", 1}, {"C_CloseSession", 1}}));
}

// It leaves the operation active (PKCS#11 2.40, section 5.2).
TEST(FailedSession, IsClosedWhereTheBufferIsTooSmallForTheToken) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    fault("C_Sign", "1", CKR_BUFFER_TOO_SMALL);
    const CallCounter calls;
    EXPECT_TRUE(sign(instance, key.get(), {1, 2, 3}).empty());
    EXPECT_NE(takeErrors().find("CKR_BUFFER_TOO_SMALL"), std::string::npos);
    EXPECT_EQ(calls.of("C_CloseSession"), 1U) << calls.log();
}

TEST(FailedSession, TakesASecretThatCannotBeDestroyedWithIt) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto own = publicKeyFromFile("ec256");
    ASSERT_FALSE(derive(instance.get(), key.get(), own.get()).empty()) << takeErrors();
    fault("C_DestroyObject", "1", CKR_FUNCTION_FAILED);
    const CallCounter calls;
    EXPECT_EQ(derive(instance.get(), key.get(), own.get()), deriveInSoftware("ec256", own.get()));
    EXPECT_EQ(calls.of("C_CloseSession"), 1U) << calls.log();
}

TEST(ModuleOfTheProgram, IsNotFinalised) {
    EXPECT_EQ(inChild([] {
                  auto* list = moduleFunctions();
                  if (list->C_Initialize(nullptr) != CKR_OK)
                      return false;
                  const CallCounter calls;
                  {
                      const Instance instance;
                      EXPECT_TRUE(load(instance, uriOf("ec256"))) << takeErrors();
                  }
                  CK_INFO info{};
                  EXPECT_EQ(list->C_GetInfo(&info), CKR_OK);
                  EXPECT_EQ(calls.of("C_Finalize"), 0U) << calls.log();
                  return !::testing::Test::HasFailure();
              }),
              0);
}

// Only what is in a folder is allowed by it.
TEST(AllowedFolder, IsNoBeginningOfAName) {
    unsetenv("PKCS11_PROVIDER_MODULE");
    const auto folder = scratch("modules");
    const auto file = folder / "softhsm.so";
    std::filesystem::create_directories(folder / "below");
    std::filesystem::create_directory(scratch("mod"));
    std::filesystem::copy_file(std::getenv("PKCS11_TEST_TARGET"), file);
    std::filesystem::copy_file(file, folder / "below" / "softhsm.so");
    const auto loads = [](const std::filesystem::path& module,
                          const std::filesystem::path& allowed) {
        const ConfiguredContext context("pkcs11-module-path = " + module.string() +
                                        "\npkcs11-allowed-module-paths = " + allowed.string());
        return load(context.get(), uriOf("ec256", "public"), OSSL_STORE_INFO_PUBKEY) != nullptr;
    };
    EXPECT_FALSE(loads(file, scratch("mod")));
    EXPECT_NE(takeErrors().find("is not among pkcs11-allowed-module-paths"), std::string::npos);
    EXPECT_FALSE(loads(folder / "below" / "softhsm.so", folder));
    EXPECT_NE(takeErrors().find("is not among pkcs11-allowed-module-paths"), std::string::npos);
    EXPECT_TRUE(loads(file, folder)) << takeErrors();
}

TEST(UserType, IsNotThatOfALoginForOneOperation) {
    const ConfiguredContext configured("pkcs11-module-user-type = 2"); // CKU_CONTEXT_SPECIFIC
    EXPECT_FALSE(load(configured.get(), uriOf("ec256")));
    EXPECT_NE(takeErrors().find("pkcs11-module-user-type does not accept the value"),
              std::string::npos);
}

// A module's own use of libcrypto.
TEST(InsideAModule, NoAlgorithmIsOfThisProvider) {
    static const auto instance = std::make_unique<Instance>();
    static bool wasThere = true;
    ASSERT_EQ(module().setHook("C_GetSlotList",
                               [] {
                                   auto* found = EVP_SIGNATURE_fetch(instance->get(), "ECDSA",
                                                                     "provider=pkcs11");
                                   wasThere = found != nullptr;
                                   EVP_SIGNATURE_free(found);
                                   ERR_clear_error();
                               }),
              CKR_OK);
    const auto key = load(*instance, uriOf("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_FALSE(wasThere);
    EXPECT_FALSE(sign(*instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
}

TEST(WriteProtection, ThatIsGoneIsNotRemembered) {
    configureModule("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_WRITE_PROTECTED));
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_EQ(module().configure("PKCS11_TEST_TOKEN_FLAGS", nullptr), CKR_OK);
    const auto certificate = certificateFromFile(defaultOnly(), "ec256");
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    const std::array params{OSSL_PARAM_construct_octet_string("pkcs11_certificate", der,
                                                              static_cast<std::size_t>(size)),
                            OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_PKEY_set_params(key.get(), const_cast<OSSL_PARAM*>(params.data())), 1)
        << takeErrors();
    OPENSSL_free(der);
}

} // namespace
