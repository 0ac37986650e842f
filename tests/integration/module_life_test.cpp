// SPDX-License-Identifier: Apache-2.0
// The module's life beside threads: it begins and ends while they come and go. The test module
// tells every call that runs beside C_Initialize or C_Finalize, and two threads in one session; the
// fixture fails the test then.
#include <atomic>
#include <cstdlib>
#include <thread>

#include "fixture.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

// MODULE_LIFE_ROUNDS: for a long run by hand, or of the nightly tier.
int rounds(int usual) {
    const char* given = std::getenv("MODULE_LIFE_ROUNDS");
    return given != nullptr ? std::atoi(given) : usual;
}

// Each of the threads may be the module's last user while others are its first again.
TEST(ModuleLife, ThreadsMakeContextsOfTheirOwnAndFreeThem) {
    const int each = rounds(4);
    std::atomic<int> good{0};
    inThreads(8, [&](int) {
        for (int round = 0; round < each; ++round) {
            const Instance instance;
            const auto key = load(instance, uriOf("ec256"));
            if (key && verify("ec256", sign(instance, key.get(), data), data))
                ++good;
            else
                std::fputs(takeErrors().c_str(), stderr);
        }
    });
    EXPECT_EQ(good, 8 * each);
}

// Signs without pause until it goes. What is signed must verify; what can't be signed is counted.
class Signers {
  public:
    Signers(const Instance& instance, const std::string& label, EVP_PKEY* key, int count) {
        for (int i = 0; i < count; ++i)
            threads_.emplace_back([this, &instance, label, key] {
                while (!stop_)
                    signOnce(instance, label, key);
            });
    }
    ~Signers() {
        stop_ = true;
        for (auto& thread : threads_)
            thread.join();
    }
    Signers(const Signers&) = delete;
    Signers& operator=(const Signers&) = delete;

    int good() const { return good_; }
    int failed() const { return failed_; }
    int wrong() const { return wrong_; }

  private:
    void signOnce(const Instance& instance, const std::string& label, EVP_PKEY* key) {
        const auto signature = sign(instance, key, data);
        ++(signature.empty() ? failed_ : verify(label, signature, data) ? good_ : wrong_);
        ERR_clear_error();
    }

    std::atomic<bool> stop_{false};
    std::atomic<int> good_{0};
    std::atomic<int> failed_{0};
    std::atomic<int> wrong_{0};
    std::vector<std::thread> threads_;
};

void waitForMore(const std::function<int()>& count, int more) {
    const int enough = count() + more;
    while (count() < enough)
        std::this_thread::yield();
}

// A module that answers nothing but CKR_DEVICE_ERROR for a while is begun anew while other threads
// hold sessions of the initialization before.
TEST(ModuleLife, IsBegunAnewWhileThreadsSignWithTwoKeys) {
    const Instance instance;
    const auto rsa = loadPrivate(instance, "rsa");
    const auto ec = loadPrivate(instance, "ec256");
    Signers first(instance, "rsa", rsa.get(), 8);
    Signers second(instance, "ec256", ec.get(), 8);
    const CallCounter calls;
    for (int outage = 0; outage < rounds(20); ++outage) {
        fault("*", "1+", CKR_DEVICE_ERROR);
        waitForMore([&] { return first.failed() + second.failed(); }, 8);
        noFaults();
        waitForMore([&] { return first.good(); }, 8);
        waitForMore([&] { return second.good(); }, 8);
    }
    EXPECT_GT(calls.of("C_Initialize"), 0U) << "it never was";
    EXPECT_EQ(first.wrong() + second.wrong(), 0);
}

} // namespace
