// SPDX-License-Identifier: Apache-2.0
// Keys loaded inside OpenSSL's asynchronous jobs: a worker searches and logs in, and the job asks
// for the PIN.
#include <algorithm>

#include <openssl/store.h>

#include "jobs.h"
#include "references.h"

namespace {

using namespace testing_support;

const std::string withoutPin = "pkcs11:token=scenarios;object=rsa;type=private";

/// Loads a key by a reference, inside a job.
class Loading {
  public:
    Loading(const Instance& instance, const std::string& uri, std::string pin = {})
        : instance_(instance), pem_(pemOf(uri)), job_([this] {
              key_ = readPem(instance_, pem_, answer_);
              return key_ != nullptr;
          }) {
        answer_.pin = std::move(pin);
    }
    Job& job() { return job_; }
    EVP_PKEY* key() const { return key_.get(); }
    int timesAsked() const { return answer_.asked; }

  private:
    const Instance& instance_;
    std::string pem_;
    Answer answer_;
    p11::ossl::Pkey key_;
    Job job_;
};

void expectKeyOf(const Instance& instance, EVP_PKEY* key, const std::string& label) {
    const auto data = randomBytes(100);
    EXPECT_TRUE(key != nullptr && verify(label, sign(instance, key, data), data)) << label;
}

/// The key of a reference that is no PEM file.
p11::ossl::Pkey readDer(const Instance& instance, const std::string& uri) {
    const auto der = p11::store::encodeKeyUri(uri);
    const auto* at = der.data();
    return p11::ossl::Pkey(d2i_AutoPrivateKey_ex(nullptr, &at, static_cast<long>(der.size()),
                                                 instance.get(), nullptr));
}

/// Calls of one function wait in its scope.
class ClosedGate {
  public:
    explicit ClosedGate(const char* function) : function_(function) {
        EXPECT_EQ(module().setGate(function_, 1000), CKR_OK);
    }
    ~ClosedGate() { open(); }
    ClosedGate(const ClosedGate&) = delete;
    ClosedGate& operator=(const ClosedGate&) = delete;
    void open() { EXPECT_EQ(module().setGate(function_, 0), CKR_OK); }
    static bool isReached() {
        return comesTrue([] { return module().waiting() == 1; });
    }

  private:
    const char* function_;
};

class AsyncLoading : public ::testing::Test {
  protected:
    Instance instance_;
};

TEST_F(AsyncLoading, OfAUriPausesTheJob) {
    for (const char* function : {"C_GetSlotList", "C_Login", "C_FindObjects"}) {
        Instance fresh;
        p11::ossl::Pkey key;
        ClosedGate gate(function);
        Job job([&] { return (key = loadPrivate(fresh, "ec256")) != nullptr; });
        ASSERT_EQ(job.go(), ASYNC_PAUSE) << function;
        ASSERT_TRUE(ClosedGate::isReached()) << function;
        EXPECT_EQ(job.go(), ASYNC_PAUSE) << function;
        gate.open();
        EXPECT_TRUE(job.finish()) << function << takeErrors();
        expectKeyOf(fresh, key.get(), "ec256");
    }
}

TEST_F(AsyncLoading, OfAReferencePausesTheJob) {
    ClosedGate gate("C_FindObjects");
    Loading loading(instance_, uriOf("rsa"));
    ASSERT_EQ(loading.job().go(), ASYNC_PAUSE);
    gate.open();
    EXPECT_TRUE(loading.job().finish()) << takeErrors();
    expectKeyOf(instance_, loading.key(), "rsa");
}

// The calls are those of a load outside, in both states of the login.
TEST_F(AsyncLoading, CostsNoMoreCalls) {
    const auto callsOf = [](const std::function<bool()>& body) {
        const CallCounter calls;
        EXPECT_TRUE(body()) << takeErrors();
        return calls.all();
    };
    const auto loads = [this] { return loadPrivate(instance_, "rsa") != nullptr; };
    EXPECT_TRUE(loads());
    EXPECT_EQ(callsOf([&] { return Job(loads).finish(); }), callsOf(loads));
}

TEST_F(AsyncLoading, KeysThatAJobLoadedSignInJobs) {
    const auto data = randomBytes(100);
    Job job([&] {
        const auto key = loadPrivate(instance_, "ec256");
        return verify("ec256", sign(instance_, key.get(), data), data);
    });
    EXPECT_TRUE(job.finish()) << takeErrors();
}

TEST_F(AsyncLoading, EverythingOfATokenIsListed) {
    const auto count = [this] {
        const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(
            OSSL_STORE_open_ex("pkcs11:token=scenarios?pin-value=1234", instance_.get(), nullptr,
                               nullptr, nullptr, nullptr, nullptr, nullptr));
        int found = 0;
        while (store && OSSL_STORE_eof(store.get()) == 0) {
            OSSL_STORE_INFO* info = OSSL_STORE_load(store.get());
            found += info != nullptr ? 1 : 0;
            OSSL_STORE_INFO_free(info);
        }
        return found;
    };
    const int expected = count();
    EXPECT_GT(expected, 10);
    int found = 0;
    Job job([&] {
        found = count();
        return true;
    });
    EXPECT_TRUE(job.finish());
    EXPECT_EQ(found, expected);
}

/// Notes who asks.
struct Asked {
    std::vector<ASYNC_JOB*> jobs;
    std::string pin;
};

int answerInJob(char* buffer, int size, int, void* arg) {
    auto& asked = *static_cast<Asked*>(arg);
    asked.jobs.push_back(ASYNC_get_current_job());
    return static_cast<int>(asked.pin.copy(buffer, static_cast<std::size_t>(size)));
}

TEST_F(AsyncLoading, TheJobAsksForThePinOnce) {
    const auto pem = pemOf(withoutPin);
    Asked asked{{}, "1234"};
    p11::ossl::Pkey key;
    const CallCounter calls;
    Job job([&] {
        const auto in = bioOf(pem);
        key.reset(PEM_read_bio_PrivateKey_ex(in.get(), nullptr, answerInJob, &asked,
                                             instance_.get(), nullptr));
        return key != nullptr;
    });
    EXPECT_TRUE(job.finish()) << takeErrors();
    ASSERT_EQ(asked.jobs.size(), 1U);
    EXPECT_NE(asked.jobs.front(), nullptr) << "in the job, and not in a worker";
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    expectKeyOf(instance_, key.get(), "rsa");
}

TEST_F(AsyncLoading, AWrongPinIsTriedOnce) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    const CallCounter calls;
    Loading loading(instance_, withoutPin, "4321");
    EXPECT_FALSE(loading.job().finish());
    EXPECT_EQ(loading.timesAsked(), 1);
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    EXPECT_NE(takeErrors().find("CKR_PIN_INCORRECT"), std::string::npos);
    Loading right(instance_, withoutPin, "1234");
    EXPECT_TRUE(right.job().finish()) << takeErrors();
}

TEST_F(AsyncLoading, FailsAsOutsideOfAJob) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    const auto errorsOf = [this](const std::string& uri, bool inJob) {
        Loading loading(instance_, uri);
        if (inJob)
            EXPECT_FALSE(loading.job().finish());
        else
            EXPECT_FALSE(readPem(instance_, pemOf(uri)));
        return takeErrors();
    };
    for (const std::string uri :
         {"pkcs11:token=scenarios;object=rsa;type=private?pin-value=", "pkcs11:token=absent",
          "pkcs11:tokn=a", "pkcs11:token=scenarios;object=absent?pin-value=1234"}) {
        const auto expected = errorsOf(uri, false);
        EXPECT_NE(expected, "");
        EXPECT_EQ(errorsOf(uri, true), expected) << uri;
    }
}

// OpenSSL tries the decoders of several types on a reference, and they share one search.
TEST_F(AsyncLoading, JobsThatReadReferencesSideBySideSearchOnceEach) {
    ASSERT_TRUE(loadPrivate(instance_, "rsa"));
    const CallCounter alone;
    EXPECT_TRUE(readPem(instance_, pemOf(uriOf("ec256"))));
    EXPECT_TRUE(readPem(instance_, pemOf(uriOf("ec384"))));
    const auto searches = alone.of("C_FindObjectsInit");
    EXPECT_TRUE(readDer(instance_, uriOf("rsa")));
    const auto searchesOfDer = alone.of("C_FindObjectsInit") - searches;
    const CallCounter calls;
    ClosedGate gate("C_FindObjects");
    Loading first(instance_, uriOf("ec256"));
    Loading second(instance_, uriOf("ec384"));
    ASSERT_EQ(first.job().go(), ASYNC_PAUSE);
    ASSERT_EQ(second.job().go(), ASYNC_PAUSE);
    gate.open();
    EXPECT_TRUE(first.job().finish()) << takeErrors();
    EXPECT_TRUE(second.job().finish()) << takeErrors();
    EXPECT_EQ(calls.of("C_FindObjectsInit"), searches) << calls.log();
    expectKeyOf(instance_, first.key(), "ec256");
    expectKeyOf(instance_, second.key(), "ec384");
    // The thread keeps nothing of them.
    const CallCounter later;
    expectKeyOf(instance_, readDer(instance_, uriOf("rsa")).get(), "rsa");
    EXPECT_EQ(later.of("C_FindObjectsInit"), searchesOfDer) << later.log();
}

TEST_F(AsyncLoading, TheThreadReadsOtherReferencesWhileAJobIsPaused) {
    ASSERT_TRUE(loadPrivate(instance_, "rsa"));
    ClosedGate gate("C_FindObjects");
    Loading loading(instance_, uriOf("rsa"));
    ASSERT_EQ(loading.job().go(), ASYNC_PAUSE);
    ASSERT_TRUE(ClosedGate::isReached());
    gate.open();
    expectKeyOf(instance_, readDer(instance_, uriOf("ec256")).get(), "ec256");
    EXPECT_TRUE(loading.job().finish()) << takeErrors();
    expectKeyOf(instance_, loading.key(), "rsa");
}

TEST_F(AsyncLoading, AStoreMayBeClosedWhileItsSearchGoesOn) {
    ASSERT_TRUE(loadPrivate(instance_, "rsa"));
    const auto sessions = module().openSessions();
    OSSL_STORE_CTX* store = OSSL_STORE_open_ex(uriOf("ec256").c_str(), instance_.get(), nullptr,
                                               nullptr, nullptr, nullptr, nullptr, nullptr);
    ASSERT_NE(store, nullptr);
    ClosedGate gate("C_FindObjects");
    Job job([&] { return OSSL_STORE_load(store) != nullptr; });
    ASSERT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_TRUE(ClosedGate::isReached());
    job.abandon();
    OSSL_STORE_close(store);
    gate.open();
    EXPECT_TRUE(Job([&] { return loadPrivate(instance_, "ec256") != nullptr; }).finish());
    EXPECT_LE(module().openSessions(), sessions + 1);
}

} // namespace
