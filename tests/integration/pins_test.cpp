// SPDX-License-Identifier: Apache-2.0
// No PIN is tried twice. Each test is a process of its own.
#include <array>

#include <sys/stat.h>

#include "new_keys.h"
#include "pins.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

// One context logs in while the other finds the connection lost, and makes another.
TEST(WrongPin, IsTriedOnceThoughTheTokenIsConnectedToAnew) {
    configureModule("PKCS11_TEST_DELAY_LOGIN_US", "30000");
    const std::array<Instance, 2> instances;
    const CallCounter calls;
    unsigned long tried = 0;
    for (const char* pin : {"4321", "9876"}) {
        ASSERT_EQ(module().setFaults("C_OpenSession:2=CKR_DEVICE_REMOVED"), CKR_OK);
        inThreads(4, [&](int i) {
            EXPECT_FALSE(load(instances.at(static_cast<std::size_t>(i) % 2),
                              withoutPin("ec256") + "?pin-value=" + pin));
        });
        EXPECT_EQ(calls.of("C_Login"), ++tried) << calls.log();
    }
}

// Somebody would have to enter it again.
TEST(PinPad, IsNotAskedAgainAfterAnUnclearAnswer) {
    configureModule("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED,
                           CKR_FUNCTION_CANCELED, CKR_PIN_INCORRECT}) {
        fault("C_Login", "1", rv);
        const CallCounter calls;
        EXPECT_FALSE(load(instance, withoutPin("ec256")));
        EXPECT_EQ(calls.of("C_Login"), 1U) << p11::pkcs11::rvName(rv);
    }
    noFaults();
    EXPECT_TRUE(load(instance, withoutPin("ec256"))) << takeErrors();
}

// As a token that answers nothing else would have it asked for each attempt.
TEST(PinPad, IsAskedOnceForOneOperation) {
    configureModule("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    const auto key = load(instance, withoutPin("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    for (const char* function : {"C_SignInit", "C_Sign"}) {
        fault(function, "1+", CKR_DEVICE_ERROR);
        const CallCounter calls;
        EXPECT_FALSE(signs(instance, key.get()));
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
        noFaults();
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
    }
}

TEST(PinPad, ThatRefusesIsNotAskedAgainForEachThread) {
    constexpr int crowd = 8;
    configureModule("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    const auto key = load(instance, withoutPin("ec256"));
    ASSERT_TRUE(signs(instance, key.get())) << takeErrors();
    configureModule("PKCS11_TEST_PROTECTED_PATH", "4321");
    configureModule("PKCS11_TEST_DELAY_LOGIN_US", "30000");
    // Before the threads: a loss among them would close sessions in which others log in.
    ASSERT_EQ(moduleFunctions()->C_CloseAllSessions(tokenWriter("scenarios").slot()), CKR_OK);
    const CallCounter calls;
    inThreads(crowd, [&](int) { EXPECT_FALSE(signs(instance, key.get())); });
    // A thread that comes late asks for an operation of its own.
    EXPECT_LT(calls.of("C_Login"), static_cast<unsigned long>(crowd)) << calls.log();
}

TEST(DeletedKey, CostsNoLoginAndNoSession) {
    const Instance instance;
    const auto other = loadPrivate(instance, "rsa");
    const auto gone = loadPrivate(instance, "bare-ec");
    ASSERT_TRUE(signs(instance, other.get()) && signs(instance, gone.get())) << takeErrors();
    tokenWriter("scenarios").destroy("bare-ec");
    const CallCounter calls;
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(signs(instance, gone.get()));
        EXPECT_NE(takeErrors().find("no longer exists"), std::string::npos);
        EXPECT_TRUE(signs(instance, other.get())) << takeErrors();
    }
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
    EXPECT_LE(calls.of("C_OpenSession"), 1U) << calls.log(); // for that in which C_SignInit failed
}

TEST(Flags, AreAskedForAgainBeforeAnythingIsRefused) {
    const Instance instance;
    ASSERT_TRUE(load(instance, withoutPin("ec256", "public"), OSSL_STORE_INFO_PUBKEY));
    configureModule("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_USER_PIN_LOCKED));
    EXPECT_FALSE(load(instance, uriOf("ec256")));
    EXPECT_NE(takeErrors().find("CKF_USER_PIN_LOCKED"), std::string::npos);
    resetModule("PKCS11_TEST_TOKEN_FLAGS");
    EXPECT_TRUE(load(instance, uriOf("ec256"))) << takeErrors();

    configureModule("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_WRITE_PROTECTED));
    EXPECT_FALSE(generateEc(instance, "fresh"));
    EXPECT_NE(takeErrors().find("CKF_WRITE_PROTECTED"), std::string::npos);
    resetModule("PKCS11_TEST_TOKEN_FLAGS");
    EXPECT_TRUE(generateEc(instance, "fresh")) << takeErrors();
}

TEST(RefusedPin, IsNotTriedAgainByAnotherInstance) {
    const auto uri = withoutPin("ec256") + "?pin-value=4321";
    const CallCounter calls;
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(load(Instance(), uri));
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    EXPECT_TRUE(load(Instance(), uriOf("ec256"))) << takeErrors();
}

TEST(PinFile, ThatMayNeverAnswerIsRefused) {
    const Instance instance;
    const auto fifo = scratch("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& path :
         {fifo.string(), std::string("/dev/tty"), std::string("/dev/zero")}) {
        EXPECT_FALSE(load(instance, withoutPin("ec256") + "?pin-source=" + path)) << path;
        EXPECT_NE(takeErrors().find("the PIN file " + path), std::string::npos);
        const ConfiguredContext configured("pkcs11-module-token-pin = file:" + path);
        EXPECT_FALSE(load(configured.get(), withoutPin("ec256"))) << path;
        EXPECT_NE(takeErrors().find("the PIN file " + path), std::string::npos);
    }
}

} // namespace
