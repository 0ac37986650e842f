// SPDX-License-Identifier: Apache-2.0
// SoftHSM reads a token's file while another process writes it: then it has no such token, or one
// without a PIN, until it is restarted.
#include <filesystem>
#include <fstream>

#include "fixture.h"
#include "pins.h"

namespace {

using namespace testing_support;

namespace fs = std::filesystem;

/// The file of this process's own token "scenarios".
fs::path tokenFile() {
    const auto tokens = fs::path(std::getenv("SOFTHSM2_CONF")).parent_path() / "tokens";
    for (const auto& entry : fs::directory_iterator(tokens)) {
        std::ifstream file(entry.path() / "token.object", std::ios::binary);
        const std::string content(std::istreambuf_iterator<char>(file), {});
        if (content.find("scenarios") != std::string::npos)
            return entry.path() / "token.object";
    }
    return {};
}

/// The other process has emptied the file, and has not written it yet.
struct Writing {
    fs::path file;
    fs::path content;

    void begin() {
        file = tokenFile();
        content = scratch("token.object");
        fs::copy_file(file, content);
        fs::resize_file(file, 0);
    }
    void end() const { fs::copy_file(content, file, fs::copy_options::overwrite_existing); }
};
Writing writing;

void endWriting() {
    writing.end();
}

TEST(WrittenToken, IsThereAfterARestart) {
    writing.begin();
    ASSERT_EQ(module().setHook("C_GetSlotList", endWriting), CKR_OK);
    const Instance instance;
    const CallCounter calls;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(signs(instance, key.get()));
    EXPECT_EQ(calls.of("C_Finalize"), 1U) << calls.log();
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
}

TEST(WrittenToken, ThatStaysBrokenIsAnErrorAfterFiveRestarts) {
    writing.begin();
    const Instance instance;
    const CallCounter calls;
    EXPECT_FALSE(load(instance, uriOf("ec256")));
    EXPECT_EQ(calls.of("C_Finalize"), 5U) << calls.log();
    EXPECT_NE(takeErrors().find("no token fits"), std::string::npos);
    writing.end();
}

// Another token that does not exist costs no restart.
TEST(WrittenToken, IsNotWaitedForIfNoneIsLeftOut) {
    const Instance instance;
    const CallCounter calls;
    EXPECT_FALSE(load(instance, "pkcs11:token=absent;object=ec256;type=private"));
    EXPECT_EQ(calls.of("C_Finalize"), 0U) << calls.log();
}

// The tokens that are in use stay as they are.
TEST(WrittenToken, IsNotWaitedForWhileAnotherIsUsed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get())) << takeErrors();
    fs::create_directory(tokenFile().parent_path().parent_path() / "another");
    fs::copy_file(tokenFile(),
                  tokenFile().parent_path().parent_path() / "another" / "token.object");
    const CallCounter calls;
    EXPECT_FALSE(load(instance, "pkcs11:token=absent;object=ec256;type=private"));
    EXPECT_EQ(calls.of("C_Finalize"), 0U) << calls.log();
    EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
}

TEST(WrittenToken, WithoutAPinIsRestarted) {
    const Instance instance;
    fault("C_Login", "1", CKR_USER_PIN_NOT_INITIALIZED);
    const CallCounter calls;
    const auto key = loadPrivate(instance, "ec256");
    noFaults();
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(calls.of("C_Finalize"), 1U) << calls.log();
    EXPECT_EQ(calls.of("C_Login"), 2U) << calls.log();
}

TEST(WrittenToken, ThatNeverHadAPinIsALoginThatFailed) {
    const Instance instance;
    fault("C_Login", "1+", CKR_USER_PIN_NOT_INITIALIZED);
    EXPECT_FALSE(load(instance, uriOf("ec256")));
    noFaults();
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("login failed"), std::string::npos) << errors;
    EXPECT_NE(errors.find("CKR_USER_PIN_NOT_INITIALIZED"), std::string::npos) << errors;
}

} // namespace
