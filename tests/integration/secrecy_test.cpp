// SPDX-License-Identifier: Apache-2.0
// Logs, errors and memory reveal no PIN, and no label forges their lines. Each test is a process of
// its own.
#include <fstream>
#include <functional>

#include <fcntl.h>
#include <unistd.h>

#include "jobs.h"
#include "pins.h"
#include "tests/support/memory_search.h"
#include "token_digests.h"

namespace {

using namespace testing_support;

using test_module::placesOf;

// Lines of a log, and whatever a terminal does.
TEST(Label, WithControlCharactersForgesNothing) {
    const auto log = scratch("log");
    ASSERT_EQ(setenv("PKCS11_PROVIDER_DEBUG", ("file:" + log.string() + ",level:2").c_str(), 1), 0);
    const std::string label = "evil\npkcs11[1] #1 C_Login CKR_OK 1 us\x1B[2J\xC2\x9B";
    const Instance instance;
    {
        auto writer = tokenWriter("scenarios");
        CK_BBOOL yes = CK_TRUE;
        Bytes p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
        std::string text = label;
        const std::vector<CK_ATTRIBUTE> common{{CKA_TOKEN, &yes, sizeof yes},
                                               {CKA_LABEL, text.data(), text.size()}};
        auto publicValues = common;
        publicValues.push_back({CKA_EC_PARAMS, p256.data(), p256.size()});
        writer.generatePair(CKM_EC_KEY_PAIR_GEN, publicValues, common);
    }
    const auto key = loadPrivate(instance, "evil%0Apkcs11%5B1%5D%20%231%20C_Login%20CKR_OK%201%20us"
                                           "%1B%5B2J%C2%9B");
    fault("C_Sign", "1", CKR_ARGUMENTS_BAD);
    EXPECT_FALSE(signs(instance, key.get()));
    const char* message = nullptr;
    int messages = 0;
    for (; ERR_get_error_all(nullptr, nullptr, nullptr, &message, nullptr) != 0; ++messages)
        EXPECT_EQ(std::string(message).find_first_of("\n\x1B\x9B"), std::string::npos) << message;
    EXPECT_GT(messages, 0);
    std::ifstream lines(log);
    const auto start = "pkcs11[" + std::to_string(getpid()) + "] #";
    int quoted = 0;
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(line.substr(0, start.size()), start);
        EXPECT_EQ(line.find_first_of("\x1B\x9B"), std::string::npos) << line;
        quoted += line.find("evil\\x0A") != std::string::npos ? 1 : 0;
    }
    EXPECT_GT(quoted, 0);
}

/// Has `use` work with what `shifted` stands for, and wipes it.
void withPlain(const std::string& shifted, const std::function<void(std::string&)>& use) {
    std::string plain = shifted;
    for (char& letter : plain)
        --letter;
    use(plain);
    OPENSSL_cleanse(plain.data(), plain.size());
}

std::filesystem::path pinFile(const std::string& shifted) {
    auto path = scratch("pin");
    withPlain(shifted, [&path](const std::string& pin) {
        const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        EXPECT_EQ(write(file, pin.data(), pin.size()), static_cast<ssize_t>(pin.size()));
        close(file);
    });
    return path;
}

TEST(Memory, HasNoPinOnceAllContextsAreFreed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    const std::string good = "hppe.9342.tfdsfu"; // one more than each letter
    const std::string bad = "cbe.9342.tfdsfu";
    {
        const Instance instance;
        ASSERT_TRUE(loadPrivate(instance, "ec256"));
        const auto session = openSession("scenarios", CKF_RW_SESSION);
        std::string old = "1234";
        withPlain(good, [&](std::string& pin) {
            EXPECT_EQ(moduleFunctions()->C_SetPIN(
                          session, reinterpret_cast<CK_UTF8CHAR*>(old.data()), old.size(),
                          reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size()),
                      CKR_OK);
        });
    }
    {
        const Instance instance;
        EXPECT_FALSE(load(instance, withoutPin("ec256") + "?pin-source=" + pinFile(bad).string()));
        EXPECT_NE(takeErrors().find("CKR_PIN_INCORRECT"), std::string::npos);
        const auto key =
            load(instance, withoutPin("ec256") + "?pin-source=" + pinFile(good).string());
        ASSERT_TRUE(key) << takeErrors();
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
        EXPECT_GE(placesOf(good), 1) << "or what follows looks in the wrong place";
        EXPECT_EQ(placesOf(bad), 0);
    }
    EXPECT_EQ(placesOf(good), 0);
    EXPECT_EQ(placesOf(bad), 0);
}

// Data to be hashed by a worker: a copy, since the job may never be resumed.
TEST(Memory, HasNoHashedDataOnceAJobHasEnded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    const std::string secret = "uif.tfdsfu.uibu.b.kpc.ibtift"; // one more than each letter
    const ConfiguredContext configured(digestDirective);
    const auto context = begin(fetch(configured.get(), "SHA256"));
    withPlain(std::string(64, 'x') + secret, [&context](std::string& data) {
        EXPECT_EQ(EVP_DigestUpdate(context.get(), data.data(), data.size()), 1);
    });
    EXPECT_EQ(placesOf(secret), 1) << "or what follows looks in the wrong place";
    Job job([&context] { return !finish(context).empty(); });
    EXPECT_TRUE(job.finish()) << takeErrors();
    EXPECT_EQ(placesOf(secret), 0);
}

} // namespace
