// SPDX-License-Identifier: Apache-2.0
// Logins that another part of the program ends, or shares. Each test is a process of its own.
#include <memory>
#include <thread>

#include "pins.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

TEST(LoggedOut, ByAnotherPartOfTheProgramIsLoggedInAgainOnce) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    const auto session = openSession("scenarios");
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(moduleFunctions()->C_Logout(session), CKR_OK);
        const CallCounter calls;
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    }
}

// By another instance that ends, say.
TEST(LoggedOut, BetweenInitAndTheOperationIsDoneAgain) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    configureModule("PKCS11_TEST_FAULT_EFFECT", "logout");
    for (const CK_RV rv : {CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN}) {
        fault("C_Sign", "1", rv);
        EXPECT_TRUE(signs(instance, key.get())) << p11::pkcs11::rvName(rv) << takeErrors();
        fault("C_FindObjects", "1", rv);
        EXPECT_TRUE(load(instance, uriOf("rsa"))) << p11::pkcs11::rvName(rv) << takeErrors();
    }
}

TEST(LoggedOut, BeforeTheLoginForOneOperationIsDoneAgain) {
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    configureModule("PKCS11_TEST_FAULT_EFFECT", "logout");
    for (const CK_RV rv : {CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN}) {
        fault("C_Login", "1", rv);
        EXPECT_TRUE(signs(instance, key.get())) << p11::pkcs11::rvName(rv) << takeErrors();
    }
}

// The token finds no private object then, which must not be taken for its absence.
TEST(LoggedOut, DuringASearchIsSearchedAgain) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    configureModule("PKCS11_TEST_FAULT_EFFECT", "logout");
    for (const std::string loss : {"CKR_DEVICE_REMOVED", "CKR_KEY_HANDLE_INVALID"}) {
        const auto faults = "C_SignInit:1=" + loss + ",C_FindObjectsInit:1=CKR_OK";
        ASSERT_EQ(module().setFaults(faults.c_str()), CKR_OK);
        const CallCounter calls;
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
        EXPECT_GE(calls.of("C_FindObjectsInit"), 2U) << calls.log();
    }
    fault("C_FindObjectsInit", "1", CKR_OK);
    EXPECT_TRUE(load(instance, uriOf("rsa"))) << takeErrors();
}

// The one whose login it was is freed during the search, and another one logs in before it ends.
TEST(LoggedOut, AndInAgainDuringASearchIsSearchedAgain) {
    static auto owner = std::make_unique<Instance>();
    static auto another = std::make_unique<Instance>();
    const Instance instance;
    ASSERT_TRUE(load(*owner, uriOf("ec256")));
    ASSERT_TRUE(load(instance, withoutPin("ec256")));
    ASSERT_EQ(
        module().setHook("C_FindObjectsInit", [] { std::thread([] { owner.reset(); }).join(); }),
        CKR_OK);
    static bool loggedInAgain = false;
    ASSERT_EQ(module().setHook("C_FindObjectsFinal",
                               [] {
                                   std::thread([] {
                                       loggedInAgain = load(*another, uriOf("ec256")) != nullptr;
                                   }).join();
                               }),
              CKR_OK);
    EXPECT_TRUE(load(instance, withoutPin("rsa"))) << takeErrors();
    EXPECT_FALSE(owner);
    EXPECT_TRUE(loggedInAgain);
    another.reset();
}

/// Two provider instances that share the module, and so the token's login.
class SharedLogin : public ::testing::Test {
  protected:
    SharedLogin() {
        EXPECT_TRUE(
            load(second, withoutPin("ec256", "public"), OSSL_STORE_INFO_PUBKEY)); // is in use
        firstKey = loadPrivate(*first, "ec256");
    }
    void endFirst() {
        firstKey.reset();
        first.reset();
    }

    std::unique_ptr<Instance> first = std::make_unique<Instance>();
    Instance second;
    p11::ossl::Pkey firstKey;
};

TEST_F(SharedLogin, EndsWithTheInstanceThatHadThePin) {
    const auto key = load(second, withoutPin("ec256"));
    ASSERT_TRUE(key) << "the login is the application's: " << takeErrors();
    EXPECT_TRUE(signs(second, key.get())) << takeErrors();
    endFirst();
    EXPECT_FALSE(signs(second, key.get()));
    EXPECT_NE(takeErrors().find("no PIN for token \"scenarios\""), std::string::npos);
    EXPECT_FALSE(load(second, withoutPin("rsa")));
    EXPECT_TRUE(load(second, uriOf("rsa"))) << takeErrors();
    EXPECT_TRUE(signs(second, key.get())) << takeErrors();
}

TEST_F(SharedLogin, StaysForAnotherInstanceWithTheSamePin) {
    const auto key = loadPrivate(second, "ec256");
    const CallCounter calls;
    endFirst();
    EXPECT_TRUE(signs(second, key.get())) << takeErrors();
    EXPECT_EQ(calls.of("C_Login") + calls.of("C_Logout") + calls.of("C_FindObjects"), 0U)
        << calls.log();
}

TEST_F(SharedLogin, DoesNotMakeAWrongPinRight) {
    const auto key = load(second, withoutPin("ec256") + "?pin-value=4321");
    ASSERT_TRUE(key) << "nobody can tell before: " << takeErrors();
    endFirst();
    const CallCounter calls;
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(signs(second, key.get()));
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
}

TEST_F(SharedLogin, GivesNoPinToKeysThatAskForItAtEachUse) {
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const auto key = load(second, withoutPin("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    const CallCounter calls;
    EXPECT_FALSE(signs(second, key.get()));
    EXPECT_NE(takeErrors().find("no PIN is known"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
    const auto again = loadPrivate(second, "ec256");
    EXPECT_TRUE(signs(second, again.get())) << takeErrors();
}

// The module goes on, and with it the token's login, unless that is ended.
TEST(EndedInstance, LeavesNoLoginToALaterOneWhereTheModuleGoesOn) {
    const auto configuration = "pkcs11-module-quirks = no-deinit";
    {
        const ConfiguredContext first(configuration);
        EXPECT_TRUE(load(first.get(), uriOf("ec256"))) << takeErrors();
    }
    const ConfiguredContext second(configuration);
    EXPECT_FALSE(load(second.get(), withoutPin("ec256")));
    EXPECT_NE(takeErrors().find("no PIN for token \"scenarios\""), std::string::npos);
    EXPECT_TRUE(load(second.get(), uriOf("ec256"))) << takeErrors();
}

} // namespace
