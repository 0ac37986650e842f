// SPDX-License-Identifier: Apache-2.0
// Operations inside OpenSSL's asynchronous jobs (ASYNC_start_job(3)): they pause, and workers wait
// for the token.
#include <array>
#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agreement.h"
#include "async_fixture.h"
#include "decryption.h"

namespace {

using namespace testing_support;

TEST_F(Async, ManyJobsOfOneThreadAreInsideTheTokenTogether) {
    constexpr unsigned crowd = 64;
    const auto body = signs("ec256");
    EXPECT_EQ(newWorkers_.count(), 0U) << "outside a job there is no thread";
    closeGate("C_Sign", crowd);
    std::vector<std::unique_ptr<Job>> jobs;
    for (unsigned i = 0; i < crowd; ++i)
        jobs.push_back(std::make_unique<Job>(body));
    EXPECT_TRUE(finishAll(jobs)) << takeErrors();
    EXPECT_LE(newWorkers_.count(), crowd);
}

TEST_F(Async, EachKindOfKeySignsInAJob) {
    for (const char* label : {"rsa", "ec256", "ec384"}) {
        const auto body = signs(label);
        const CallCounter calls;
        Job job(body);
        EXPECT_TRUE(job.finish()) << label << takeErrors();
        EXPECT_EQ(calls.of("C_SignInit"), 1U) << calls.log();
        EXPECT_EQ(calls.of("C_Sign"), 1U) << calls.log();
    }
}

TEST_F(Async, SignsWholeMessagesInAJob) {
    const auto key = loadPrivate(instance_, "ed25519");
    closeGate();
    Job job([&] {
        return verify("ed25519", sign(instance_, key.get(), data, nullptr), data, nullptr);
    });
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    openGate();
    EXPECT_TRUE(job.finish()) << takeErrors();
}

// The token has no mechanism for a hash.
TEST_F(Async, SignsMessagesThatTheTokenHashesInAJob) {
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_MECHANISMS", "0x1,0x3"), CKR_OK);
    Job job(signsForTheFirstTime("rsa"));
    EXPECT_TRUE(job.finish()) << takeErrors();
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_MECHANISMS", nullptr), CKR_OK);
}

TEST_F(Async, SignsRsaPssInAJob) {
    const auto key = loadPrivate(instance_, "rsa");
    Job job([&] {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* options = nullptr;
        Bytes signature(256);
        std::size_t size = signature.size();
        return EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance_.get(), nullptr,
                                     key.get(), nullptr) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) ==
                   1 &&
               verify("rsa", signature, data, "SHA256", true);
    });
    EXPECT_TRUE(job.finish()) << takeErrors();
}

TEST_F(Async, PausesOnceForANewDescriptorEvenIfTheWorkIsDone) {
    const auto body = signs("ec256");
    Job job([&] { return body() && body(); });
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    const auto descriptors = job.descriptors();
    EXPECT_EQ(descriptors.size(), 1U);
    EXPECT_TRUE(job.isReady(60'000));
    EXPECT_TRUE(job.finish()) << takeErrors();
    EXPECT_EQ(job.descriptors(), descriptors) << "one for the whole life of the wait context";
    EXPECT_FALSE(job.isReady(0)) << "it is drained";
    EXPECT_EQ(fcntl(descriptors.front(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(ASYNC_WAIT_CTX_get_status(job.waitContext()), ASYNC_STATUS_OK);
}

/// No thread can be made in its scope, as where a server forbids it (RLIMIT_NPROC): the stack would
/// be larger than the address space.
class NoThreads {
  public:
    NoThreads() {
        pthread_getattr_default_np(&before_);
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, std::size_t{1} << 60);
        EXPECT_EQ(pthread_setattr_default_np(&attributes), 0);
        pthread_attr_destroy(&attributes);
    }
    ~NoThreads() {
        pthread_setattr_default_np(&before_);
        pthread_attr_destroy(&before_);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;

  private:
    pthread_attr_t before_{};
};

// The work is done before the first pause. std::thread throws in the job.
TEST_F(Async, WithoutThreadsTheJobDoesTheWorkAndPausesOnceForItsDescriptor) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    const auto body = signs("ec256");
    const NoThreads noThreads;
    Job job([&] { return body() && body(); });
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    EXPECT_EQ(newWorkers_.count(), 0U);
    EXPECT_TRUE(job.isReady(0));
    EXPECT_EQ(job.go(), ASYNC_FINISH) << "the descriptor is known by then";
    EXPECT_EQ(job.result(), true) << takeErrors();
    EXPECT_FALSE(job.isReady(0)) << "it is drained";
}

TEST_F(Async, AJobThatIsResumedTooEarlyPausesAgain) {
    const auto body = signs("ec256");
    closeGate();
    Job job(body);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(job.go(), ASYNC_PAUSE);
    EXPECT_FALSE(job.isReady(0));
    openGate();
    EXPECT_TRUE(job.finish()) << takeErrors();
}

TEST_F(Async, AJobThatCannotBePausedWaits) {
    const auto body = signs("ec256");
    Job job([&] {
        ASYNC_block_pause();
        const bool good = body();
        ASYNC_unblock_pause();
        return good;
    });
    EXPECT_EQ(job.go(), ASYNC_FINISH);
    EXPECT_EQ(job.result(), true) << takeErrors();
}

TEST_F(Async, WaitContextsServeOneJobAfterTheOther) {
    const auto body = signs("ec256");
    const WaitContext shared(ASYNC_WAIT_CTX_new());
    for (int i = 0; i < 3; ++i) {
        Job job(body, shared.get());
        EXPECT_TRUE(job.finish()) << takeErrors();
        EXPECT_EQ(job.descriptors().size(), 1U);
    }
}

TEST_F(Async, JobsThatAreNeverResumedCostNeitherSessionsNorDescriptors) {
    const auto body = signs("ec256");
    ASSERT_TRUE(Job(body).finish());
    const auto sessions = module().openSessions();
    for (int i = 0; i < 5; ++i) {
        closeGate();
        Prepared prepared(instance_.get(), keys_.front().get());
        Job job(prepared.body());
        ASSERT_EQ(job.go(), ASYNC_PAUSE);
        ASSERT_TRUE(reachesGate());
        const int descriptor = job.descriptors().front();
        job.abandon();
        EXPECT_EQ(fcntl(descriptor, F_GETFD), -1);
        // Whoever gets the number next is not written to.
        const int other = eventfd(0, EFD_NONBLOCK);
        EXPECT_EQ(other, descriptor);
        openGate();
        EXPECT_TRUE(Job(body).finish()) << takeErrors();
        std::uint64_t count = 0;
        EXPECT_EQ(read(other, &count, sizeof count), -1) << count;
        EXPECT_TRUE(prepared.isUntouched());
        close(other);
    }
    EXPECT_LE(module().openSessions(), sessions + 1);
}

TEST_F(Async, WorkThatNobodyNeedsAnyMoreIsNotBegun) {
    Instance one(ConfiguredContext("pkcs11-async-threads = 1").take());
    const auto key = loadPrivate(one, "ec256");
    const auto body = [&] { return verify("ec256", sign(one, key.get(), data), data); };
    ASSERT_TRUE(body());
    closeGate();
    Job first(body);
    ASSERT_EQ(first.go(), ASYNC_PAUSE);
    ASSERT_TRUE(reachesGate());
    Prepared prepared(one.get(), key.get());
    Job second(prepared.body());
    ASSERT_EQ(second.go(), ASYNC_PAUSE);
    second.abandon();
    const CallCounter calls;
    openGate();
    EXPECT_TRUE(first.finish());
    EXPECT_TRUE(Job(body).finish());
    EXPECT_EQ(calls.of("C_SignInit"), 1U);
}

struct Told {
    std::atomic<int> times{0};
};

int tell(void* argument) {
    static_cast<Told*>(argument)->times += 1;
    return 1;
}

TEST_F(Async, ACallbackIsCalledInPlaceOfTheDescriptor) {
    const auto body = signs("ec256");
    Told told;
    Job job(body);
    ASSERT_EQ(ASYNC_WAIT_CTX_set_callback(job.waitContext(), tell, &told), 1);
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_TRUE(comesTrue([&] { return told.times == 1; }));
    EXPECT_FALSE(job.isReady(0));
    EXPECT_EQ(job.go(), ASYNC_FINISH);
    EXPECT_EQ(job.result(), true) << takeErrors();
    EXPECT_EQ(told.times, 1);
}

// The next job waits for the only thread, which has ended the abandoned work by then.
TEST_F(Async, ACallbackIsNotCalledAfterItsWaitContextWent) {
    Instance one(ConfiguredContext("pkcs11-async-threads = 1").take());
    const auto key = loadPrivate(one, "ec256");
    const auto body = [&] { return verify("ec256", sign(one, key.get(), data), data); };
    ASSERT_TRUE(body());
    Told told;
    closeGate();
    Prepared prepared(one.get(), key.get());
    Job job(prepared.body());
    ASSERT_EQ(ASYNC_WAIT_CTX_set_callback(job.waitContext(), tell, &told), 1);
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_TRUE(reachesGate());
    job.abandon();
    EXPECT_EQ(told.times, 0);
    openGate();
    EXPECT_TRUE(Job(body).finish());
    EXPECT_EQ(told.times, 0);
}

TEST_F(Async, ErrorsComeInTheJobsThreadAndLeaveThoseOfOthersAlone) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    const auto key = loadPrivate(instance_, "ec256");
    const auto fails = [&] { return sign(instance_, key.get(), data).empty(); };
    ASSERT_FALSE(fails());
    fault("C_Sign", "1+", CKR_DATA_INVALID);
    EXPECT_TRUE(fails());
    const auto expected = takeErrors();
    Job job(fails);
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    ERR_raise_data(ERR_LIB_USER, ERR_R_INTERNAL_ERROR, "another job's");
    EXPECT_TRUE(job.finish());
    noFaults();
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("another job's"), std::string::npos) << errors;
    EXPECT_NE(errors.find("CKR_DATA_INVALID"), std::string::npos) << errors;
    EXPECT_NE(expected.find("CKR_DATA_INVALID"), std::string::npos) << expected;
}

TEST_F(Async, LossesAreRecoveredFromInAJob) {
    const auto body = signs("ec256");
    for (const CK_RV rv : {CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_USER_NOT_LOGGED_IN,
                           CKR_KEY_HANDLE_INVALID}) {
        fault("C_SignInit", "1", rv);
        Job job(body);
        EXPECT_TRUE(job.finish()) << rv << takeErrors();
        noFaults();
    }
}

TEST_F(Async, NobodyWaitsForAMechanismListInTheJobsThread) {
    const auto body = signsForTheFirstTime("ec256");
    closeGate("C_GetMechanismList");
    Job job(body);
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    openGate();
    EXPECT_TRUE(job.finish()) << takeErrors();
}

// A refusal takes no time, on slow machines and with sanitizers, too.
TEST_F(Async, JobsThemselvesDoWhatTakesNoTimeUntilItTakesSome) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    ASSERT_TRUE(signs("ec256")());
    const auto isRefusedAtOnce = [&] {
        Job job([&] { return sign(instance_, keys_.front().get(), data).empty(); });
        const bool paused = job.go() == ASYNC_PAUSE;
        EXPECT_TRUE(paused ? job.finish() : job.result() == true);
        ERR_clear_error();
        return !paused;
    };
    fault("C_SignInit", "1+", CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT_TRUE(comesTrue(isRefusedAtOnce));
    module().setDelays(1000, 0);
    isRefusedAtOnce(); // perhaps the last one
    for (int i = 0; i < 40; ++i)
        EXPECT_FALSE(isRefusedAtOnce()) << i;
    module().setDelays(0, 0);
    noFaults();
}

TEST_F(Async, DecryptsInAJob) {
    const auto key = loadPrivate(instance_, "rsa");
    const auto message = randomBytes(32);
    for (const auto& options :
         {CipherOptions{}, CipherOptions{RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", {1, 2, 3}},
          CipherOptions{RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", {}}}) {
        const auto ciphertext = encrypt(message, options);
        closeGate("C_Decrypt");
        Job job([&] { return decrypt(instance_, key.get(), ciphertext, options) == message; });
        EXPECT_EQ(job.go(), ASYNC_PAUSE);
        openGate();
        EXPECT_TRUE(job.finish()) << takeErrors();
    }
}

TEST_F(Async, BadPaddingGivesTheSameInAJob) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    const auto key = loadPrivate(instance_, "rsa");
    const auto ciphertext = badlyPadded();
    const auto expected = decrypt(instance_, key.get(), ciphertext);
    std::optional<Bytes> found;
    Job job([&] { return (found = decrypt(instance_, key.get(), ciphertext)).has_value(); });
    EXPECT_TRUE(job.finish()) << takeErrors();
    EXPECT_EQ(found, expected);
    const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", {}};
    Job failing([&] { return !decrypt(instance_, key.get(), ciphertext, oaep); });
    EXPECT_TRUE(failing.finish());
    EXPECT_NE(takeErrors().find("decryption failed"), std::string::npos);
}

TEST_F(Async, DerivesInAJob) {
    const auto key = loadPrivate(instance_, "ec256");
    const auto peer = generate(defaultOnly(), "P-256");
    for (const auto& options : {Options(none), kdf("SHA256", 40)}) {
        const auto expected = deriveInSoftware("ec256", peer.get(), options);
        closeGate("C_DeriveKey");
        Job job(
            [&] { return derive(instance_.get(), key.get(), peer.get(), options) == expected; });
        EXPECT_EQ(job.go(), ASYNC_PAUSE);
        openGate();
        EXPECT_TRUE(job.finish()) << takeErrors();
    }
}

} // namespace
