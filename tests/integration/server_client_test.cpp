// SPDX-License-Identifier: Apache-2.0
// p11-kit's client of a server, which sends all calls through one socket: one call at a time, and
// no SIGPIPE. The test module stands for it under its name.
#include <csignal>
#include <cstdlib>

#include "fixture.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

class ServerClient : public ::testing::Test {
  protected:
    void SetUp() override {
        std::filesystem::copy_file(TEST_MODULE, file_,
                                   std::filesystem::copy_options::overwrite_existing);
        client_ = std::make_unique<test_module::TestModule>(file_);
        setenv("PKCS11_PROVIDER_MODULE", file_.c_str(), 1);
    }

    static bool signs(const Instance& instance, EVP_PKEY* key) {
        return verify("ec256", sign(instance, key, data), data);
    }

    const std::string file_ = scratch("p11-kit-client.so");
    std::unique_ptr<test_module::TestModule> client_;
};

void writeToNobody() {
    raise(SIGPIPE);
}

TEST_F(ServerClient, DoesNotEndTheProgramByASignal) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_NE(key, nullptr) << takeErrors();
    EXPECT_EQ(inChild([&] {
                  client_->setHook("C_Sign", writeToNobody);
                  return signs(instance, key.get()) && signs(instance, key.get());
              }),
              0);
}

TEST_F(ServerClient, LeavesASignalThatWasThereBefore) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_NE(key, nullptr) << takeErrors();
    sigset_t pipe{};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &pipe, nullptr), 0);
    raise(SIGPIPE);
    EXPECT_TRUE(signs(instance, key.get()));
    sigset_t pending{};
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 1);
    const timespec now{};
    EXPECT_EQ(sigtimedwait(&pipe, nullptr, &now), SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
}

TEST_F(ServerClient, GetsOneCallAtATime) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_NE(key, nullptr) << takeErrors();
    client_->resetCounts();
    client_->setDelays(1000, 0);
    inThreads(4, [&](int) {
        for (int i = 0; i < 4; ++i)
            EXPECT_TRUE(signs(instance, key.get()));
    });
    EXPECT_EQ(client_->concurrency(), 1U);
}

} // namespace
