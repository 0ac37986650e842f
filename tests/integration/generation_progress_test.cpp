// SPDX-License-Identifier: Apache-2.0
// What a program learns of a long generation on a token (EVP_PKEY_CTX_set_cb(3)). The gate of the
// test module makes it as long as the program wants.
#include <functional>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"
#include "new_keys.h"

namespace {

using namespace testing_support;

constexpr const char* gate = "C_GenerateKeyPair";

std::thread::id threadOfTheCall;

class GenerationProgress : public NewKeys {
  protected:
    GenerationProgress() {
        threadOfTheCall = {};
        module().resetCounts();
        EXPECT_EQ(module().setHook(gate, [] { threadOfTheCall = std::this_thread::get_id(); }),
                  CKR_OK);
    }
    void TearDown() override {
        openGate();
        NewKeys::TearDown();
    }
    static void closeGate() { ASSERT_EQ(module().setGate(gate, 1000), CKR_OK); }
    static void openGate() { ASSERT_EQ(module().setGate(gate, 0), CKR_OK); }

    /// Generates "made". `answer(n)` is what the callback answers when it is called for the n-th
    /// time.
    p11::ossl::Pkey generate(const Instance& instance, std::function<int(std::size_t)> answer) {
        answer_ = std::move(answer);
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_name(instance.get(), "EC", "provider=pkcs11"));
        const auto params = paramsOf({{"group", "P-256"}, {"pkcs11_uri", place("made")}});
        EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1) << takeErrors();
        EXPECT_EQ(EVP_PKEY_CTX_set_params(context.get(), params.get()), 1) << takeErrors();
        EVP_PKEY_CTX_set_app_data(context.get(), this);
        EVP_PKEY_CTX_set_cb(context.get(), [](EVP_PKEY_CTX* told) {
            return static_cast<GenerationProgress*>(EVP_PKEY_CTX_get_app_data(told))->hear(told);
        });
        EVP_PKEY* key = nullptr;
        EVP_PKEY_generate(context.get(), &key);
        return p11::ossl::Pkey(key);
    }

    std::vector<int> potentials_;
    std::vector<int> iterations_;

  private:
    int hear(EVP_PKEY_CTX* context) {
        EXPECT_EQ(std::this_thread::get_id(), thread_);
        potentials_.push_back(EVP_PKEY_CTX_get_keygen_info(context, 0));
        iterations_.push_back(EVP_PKEY_CTX_get_keygen_info(context, 1));
        return answer_(potentials_.size());
    }

    std::function<int(std::size_t)> answer_;
    std::thread::id thread_ = std::this_thread::get_id();
};

// True if `potentials` are zeros, at least `count` of them, and 3 at the end.
bool areDots(std::vector<int> potentials, std::size_t count) {
    if (potentials.size() < count + 1 || potentials.back() != 3)
        return false;
    potentials.pop_back();
    return potentials == std::vector<int>(potentials.size(), 0);
}

TEST_F(GenerationProgress, IsToldInTheCallersThread) {
    const Instance instance;
    closeGate();
    const auto key = generate(instance, [](std::size_t times) {
        if (times == 2)
            openGate();
        return 1;
    });
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(areDots(potentials_, 2));
    std::vector<int> counted(iterations_.size());
    for (std::size_t i = 0; i < counted.size(); ++i)
        counted[i] = static_cast<int>(i);
    EXPECT_EQ(iterations_, counted);
    EXPECT_NE(threadOfTheCall, std::this_thread::get_id());
    EXPECT_TRUE(workers().empty());
    EXPECT_TRUE(verifies("made", sign(instance, key.get(), newKeysData), "SHA256")) << takeErrors();
}

// Nothing stops a module's call, but its result does not stay.
TEST_F(GenerationProgress, TheCallerMayStopIt) {
    const Instance instance;
    closeGate();
    const auto key = generate(instance, [](std::size_t) {
        openGate();
        return 0;
    });
    EXPECT_FALSE(key);
    EXPECT_TRUE(contains(takeErrors(), "the caller has stopped the generation of the EC key pair"));
    EXPECT_TRUE(areDots(potentials_, 1));
    EXPECT_EQ(countOf("made"), 0U);
    EXPECT_EQ(module().count(gate), 1U);
    EXPECT_TRUE(generate(instance, [](std::size_t) { return 1; })) << takeErrors();
}

TEST_F(GenerationProgress, TheTokensRefusalIsTheCallers) {
    const Instance instance;
    closeGate();
    ASSERT_EQ(module().setFaults("C_GenerateKeyPair:1+=CKR_DEVICE_MEMORY"), CKR_OK);
    const auto key = generate(instance, [](std::size_t) {
        openGate();
        return 1;
    });
    EXPECT_FALSE(key);
    EXPECT_TRUE(contains(takeErrors(), "CKR_DEVICE_MEMORY"));
}

TEST_F(GenerationProgress, WithoutThreadsTheCallersMakesTheCall) {
    const Instance none(ConfiguredContext("pkcs11-async-threads = 0").take());
    EXPECT_TRUE(generate(none, [](std::size_t) { return 1; })) << takeErrors();
    EXPECT_EQ(threadOfTheCall, std::this_thread::get_id());
    EXPECT_TRUE(potentials_.empty());
}

TEST_F(GenerationProgress, InsideAJobNothingIsTold) {
    const Instance instance;
    Job job([&] { return generate(instance, [](std::size_t) { return 1; }) != nullptr; });
    EXPECT_TRUE(job.finish()) << takeErrors();
    EXPECT_EQ(threadOfTheCall, std::this_thread::get_id());
    EXPECT_TRUE(potentials_.empty());
}

TEST_F(GenerationProgress, NeedsOneSession) {
    const Instance one(ConfiguredContext("pkcs11-module-max-sessions = 1").take());
    EXPECT_TRUE(generate(one, [](std::size_t) { return 1; })) << takeErrors();
}

TEST_F(GenerationProgress, AForkedChildIsNotLeftWaiting) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "GCC 12's sanitizers do not free their own allocator's locks in a child";
#endif
    const Instance instance;
    closeGate();
    pid_t child = -1;
    const auto key = generate(instance, [&child](std::size_t) {
        if (child == -1)
            child = fork();
        if (child > 0)
            openGate();
        else
            alarm(30);
        return 1;
    });
    if (child == 0)
        _exit(key ? 1 : 0);
    EXPECT_TRUE(key) << takeErrors();
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

} // namespace
