// SPDX-License-Identifier: Apache-2.0
// The threads that wait for the token in place of OpenSSL's asynchronous jobs: how many there are,
// and what becomes of them.
#include <fstream>
#include <thread>

#include "async_fixture.h"

namespace {

using namespace testing_support;

TEST_F(Async, ZeroThreadsMeanTheCallersThread) {
    Instance none(ConfiguredContext("pkcs11-async-threads = 0").take());
    const auto key = loadPrivate(none, "ec256");
    Job job([&] { return verify("ec256", sign(none, key.get(), data), data); });
    EXPECT_EQ(job.go(), ASYNC_FINISH);
    EXPECT_EQ(job.result(), true) << takeErrors();
    EXPECT_EQ(newWorkers_.count(), 0U);
    EXPECT_EQ(job.descriptors().size(), 0U);
}

// The most threads of 8 jobs that wait for the token together.
std::size_t threadsOf(Instance& instance, unsigned expected) {
    const NewWorkers made;
    const auto key = loadPrivate(instance, "ec256");
    const auto body = [&] { return verify("ec256", sign(instance, key.get(), data), data); };
    EXPECT_TRUE(body());
    EXPECT_EQ(module().setGate("C_Sign", 1000), CKR_OK);
    std::vector<std::unique_ptr<Job>> jobs;
    for (int i = 0; i < 8; ++i) {
        jobs.push_back(std::make_unique<Job>(body));
        EXPECT_EQ(jobs.back()->go(), ASYNC_PAUSE);
    }
    EXPECT_TRUE(comesTrue([&] { return module().waiting() == expected; }));
    const auto threads = made.count();
    EXPECT_EQ(module().setGate("C_Sign", 0), CKR_OK);
    EXPECT_TRUE(finishAll(jobs)) << takeErrors();
    return threads;
}

TEST_F(Async, ThreadsAreAtMostAsManyAsTheDirectiveAllows) {
    Instance few(ConfiguredContext("pkcs11-async-threads = 3").take());
    EXPECT_EQ(threadsOf(few, 3), 3U);
}

TEST(AsyncAlone, ThreadsAreAtMostAsManyAsThereAreSessions) {
    Instance few(ConfiguredContext("pkcs11-module-max-sessions = 2").take());
    EXPECT_EQ(threadsOf(few, 2), 2U);
}

TEST(AsyncAlone, AModuleThatCannotLockHasOneThread) {
    ASSERT_EQ(module().configure("PKCS11_TEST_NO_OS_LOCKING", "1"), CKR_OK);
    {
        Instance instance;
        EXPECT_EQ(threadsOf(instance, 1), 1U);
    }
    ASSERT_EQ(module().configure("PKCS11_TEST_NO_OS_LOCKING", nullptr), CKR_OK);
}

TEST_F(Async, ContextsHaveWorkersOfTheirOwn) {
    const auto body = signs("ec256");
    auto other = std::make_unique<Instance>(Order::providerFirst);
    auto key = loadPrivate(*other, "rsa");
    const auto otherBody = [&] { return verify("rsa", sign(*other, key.get(), data), data); };
    const WaitContext shared(ASYNC_WAIT_CTX_new());
    EXPECT_TRUE(Job(body, shared.get()).finish());
    Job last(otherBody, shared.get());
    EXPECT_TRUE(last.finish());
    EXPECT_EQ(last.descriptors().size(), 1U);
    EXPECT_EQ(newWorkers_.count(), 2U);
    key.reset();
    other.reset();
    EXPECT_EQ(newWorkers_.count(), 1U);
    EXPECT_TRUE(Job(body, shared.get()).finish()) << takeErrors();
}

TEST_F(Async, SignalsAreBlockedInWorkers) {
    EXPECT_TRUE(Job(signs("ec256")).finish());
    ASSERT_EQ(newWorkers_.count(), 1U);
    std::ifstream status("/proc/self/task/" + newWorkers_.all().front() + "/status");
    std::string line;
    while (std::getline(status, line) && !line.starts_with("SigBlk:"))
        ;
    EXPECT_NE(line.find("fffffffe7ffbfeff"), std::string::npos) << line;
}

// The signature context, the key and the job all go while C_Sign runs.
TEST(AsyncAlone, UnloadingWaitsForWorkThatNobodyResumes) {
    auto instance = std::make_unique<Instance>();
    auto key = loadPrivate(*instance, "ec256");
    auto prepared = std::make_unique<Prepared>(instance->get(), key.get());
    Job job(prepared->body());
    const NewWorkers made;
    ASSERT_EQ(module().setGate("C_Sign", 1000), CKR_OK);
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_TRUE(comesTrue([] { return module().waiting() == 1; }));
    job.abandon();
    prepared.reset();
    key.reset();
    const CallCounter calls;
    std::thread opener([&] {
        EXPECT_EQ(calls.of("C_Finalize"), 0U);
        EXPECT_EQ(module().setGate("C_Sign", 0), CKR_OK);
    });
    instance.reset();
    EXPECT_EQ(made.count(), 0U);
    EXPECT_EQ(calls.of("C_Finalize"), 1U);
    opener.join();
}

TEST_F(Async, AForkedChildMakesItsOwnWorkers) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer ends a child that makes threads";
#endif
    const auto body = signs("ec256");
    const WaitContext shared(ASYNC_WAIT_CTX_new());
    ASSERT_TRUE(Job(body, shared.get()).finish());
    EXPECT_EQ(inChild([&] {
                  return workers().empty() && Job(body).finish() &&
                         Job(body, shared.get()).finish() && !workers().empty();
              }),
              0);
    EXPECT_TRUE(Job(body, shared.get()).finish()) << takeErrors();
}

TEST_F(Async, AJobThatWasPausedAtAForkFailsInTheChild) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    ASSERT_TRUE(signs("ec256")());
    closeGate();
    Job job([&] { return !sign(instance_, keys_.front().get(), data).empty(); });
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_TRUE(reachesGate());
    EXPECT_EQ(inChild([&] {
                  return job.go() == ASYNC_FINISH && job.result() == false &&
                         takeErrors().find("forked") != std::string::npos;
              }),
              0);
    openGate();
    EXPECT_TRUE(job.finish()) << takeErrors();
}

} // namespace
