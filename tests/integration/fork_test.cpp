// SPDX-License-Identifier: Apache-2.0
// Other processes out of a threaded one: fork before and after the first use, spawn, exec, daemon.
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

namespace {

using namespace testing_support;

constexpr int manyThreads = 4;
constexpr unsigned patience = 60;
const Bytes hash(32, 7);

// GCC 12's sanitizers do not free their own allocator's locks in a child.
bool forkIsSafe() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return true;
#endif
}

// A context that only signs: OpenSSL's fetching has locks that fork copies as they are, and is over
// by then.
class Signer {
  public:
    Signer(OSSL_LIB_CTX* libctx, EVP_PKEY* key)
        : context_(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr)) {
        EXPECT_EQ(EVP_PKEY_sign_init(context_.get()), 1) << takeErrors();
    }
    Bytes sign() const {
        Bytes signature(80);
        std::size_t size = signature.size();
        if (EVP_PKEY_sign(context_.get(), signature.data(), &size, hash.data(), hash.size()) != 1)
            return {};
        signature.resize(size);
        return signature;
    }

  private:
    p11::ossl::PkeyCtx context_;
};

bool verifies(EVP_PKEY* publicKey, const Bytes& signature) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(publicKey, nullptr));
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
}

// Threads that sign until this goes; each has done so once when it is made.
class Crowd {
  public:
    Crowd(OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
        for (int i = 0; i < manyThreads; ++i)
            signers_.emplace_back(libctx, key);
        for (const auto& signer : signers_)
            threads_.emplace_back([this, &signer] {
                bool first = true;
                while (!stop_) {
                    failures_ += signer.sign().empty() ? 1 : 0;
                    signing_ += std::exchange(first, false) ? 1 : 0;
                }
            });
        while (signing_ < manyThreads)
            std::this_thread::yield();
    }
    ~Crowd() { stop(); }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    /// How many of the signatures failed.
    int stop() {
        stop_ = true;
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
        return failures_;
    }

  private:
    std::vector<Signer> signers_;
    std::atomic<bool> stop_{false};
    std::atomic<int> signing_{0};
    std::atomic<int> failures_{0};
    std::vector<std::thread> threads_;
};

// All of `signers` at once, each several times; true if everything verifies.
bool signFromThreads(const std::vector<Signer>& signers, EVP_PKEY* publicKey) {
    std::atomic<int> good{0};
    inThreads(static_cast<int>(signers.size()), [&](int i) {
        const auto& signer = signers.at(static_cast<std::size_t>(i));
        for (int round = 0; round < 5; ++round)
            good += verifies(publicKey, signer.sign()) ? 1 : 0;
    });
    return good == static_cast<int>(5 * signers.size());
}

bool loadsAndSigns(const Instance& instance) {
    const auto key = load(instance, uriOf("ec256"));
    return key && verify("ec256", sign(instance, key.get(), hash), hash);
}

TEST(Fork, BeforeTheFirstUseWhileOtherThreadsSign) {
    if (!forkIsSafe())
        GTEST_SKIP();
    const Instance instance;
    // Software signatures take locks of their context all the time, so they have another one.
    const p11::ossl::LibCtx others(OSSL_LIB_CTX_new());
    const auto software = privateKeyFromFile(others.get(), "ec256");
    const CallCounter calls;
    Crowd crowd(others.get(), software.get());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(inChild([&] {
                      return loadsAndSigns(instance) &&
                             inChild([&] { return loadsAndSigns(instance); }) == 0;
                  }),
                  0);
    EXPECT_EQ(calls.of("C_Initialize"), 0U) << "the parent's first use comes after the forks";
    EXPECT_TRUE(loadsAndSigns(instance)) << takeErrors();
    EXPECT_EQ(inChild([&] { return loadsAndSigns(instance); }), 0);
    EXPECT_EQ(crowd.stop(), 0);
}

TEST(Fork, BeforeTheProviderIsLoaded) {
    const auto works = [] { return loadsAndSigns(Instance()); };
    EXPECT_EQ(inChild([&] { return works() && inChild(works) == 0; }), 0);
    EXPECT_TRUE(works());
}

TEST(Fork, ChildAndGrandchildSignFromThreadsWhileTheParentSigns) {
    if (!forkIsSafe())
        GTEST_SKIP();
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto publicKey = publicKeyFromFile("ec256");
    std::vector<Signer> mine;
    for (int i = 0; i < manyThreads; ++i)
        mine.emplace_back(instance.get(), key.get());
    const auto works = [&] { return signFromThreads(mine, publicKey.get()); };
    Crowd crowd(instance.get(), key.get());
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(inChild([&] { return works() && inChild(works) == 0 && works(); }), 0);
        EXPECT_TRUE(works()) << "the parent goes on";
    }
    EXPECT_EQ(crowd.stop(), 0);
}

TEST(Fork, FromAThreadThatIsNotTheFirst) {
    if (!forkIsSafe())
        GTEST_SKIP();
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto publicKey = publicKeyFromFile("ec256");
    const std::vector<Signer> mine = [&] {
        std::vector<Signer> made;
        made.emplace_back(instance.get(), key.get());
        return made;
    }();
    Crowd crowd(instance.get(), key.get());
    std::atomic<int> good{0};
    inThreads(manyThreads, [&](int) {
        good += inChild([&] { return signFromThreads(mine, publicKey.get()); }) == 0 ? 1 : 0;
    });
    EXPECT_EQ(good, manyThreads);
    EXPECT_EQ(crowd.stop(), 0);
}

// A child logs in and initialises the module for itself, once.
TEST(Fork, ChildInitialisesOnceWhateverItsThreadsDo) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto publicKey = publicKeyFromFile("ec256");
    std::vector<Signer> mine;
    for (int i = 0; i < manyThreads; ++i)
        mine.emplace_back(instance.get(), key.get());
    ASSERT_FALSE(mine.front().sign().empty()) << takeErrors();
    if (!forkIsSafe())
        GTEST_SKIP();
    EXPECT_EQ(inChild([&] {
                  const CallCounter calls;
                  const bool good = signFromThreads(mine, publicKey.get());
                  std::fputs(calls.log().c_str(), stderr);
                  return good && calls.of("C_Initialize") == 1 && calls.of("C_Login") == 1 &&
                         calls.of("C_Finalize") == 0;
              }),
              0);
}

// The program that Spawned and Executed start is this one, with the test Started.Signs alone.
constexpr const char* resultVariable = "STARTED_TEST_RESULT";
std::string self = std::filesystem::read_symlink("/proc/self/exe").string();

Bytes contentOf(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Started, Signs) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto signature = sign(instance, key.get(), hash);
    ASSERT_TRUE(verify("ec256", signature, hash)) << takeErrors();
    if (const char* name = std::getenv(resultVariable))
        std::ofstream(name, std::ios::binary)
            .write(reinterpret_cast<const char*>(signature.data()),
                   static_cast<std::streamsize>(signature.size()));
}

class StartedProgram : public ::testing::Test {
  protected:
    void SetUp() override {
        setenv(resultVariable, result_.c_str(), 1);
        std::filesystem::remove(result_);
    }
    void TearDown() override {
        unsetenv(resultVariable);
        std::filesystem::remove(result_);
    }
    void expectSignature() {
        EXPECT_TRUE(verify("ec256", contentOf(result_), hash));
        std::filesystem::remove(result_);
    }

    std::string filter_ = "--gtest_filter=Started.Signs";
    std::string quiet_ = "--gtest_brief=1";
    std::array<char*, 4> arguments_{self.data(), filter_.data(), quiet_.data(), nullptr};

  private:
    std::string result_ = scratch("signature");
};

TEST_F(StartedProgram, SpawnedByAThreadedOne) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    Crowd crowd(instance.get(), key.get());
    for (int i = 0; i < 3; ++i) {
        pid_t child = 0;
        ASSERT_EQ(posix_spawn(&child, self.c_str(), nullptr, nullptr, arguments_.data(), environ),
                  0);
        EXPECT_EQ(statusOf(child), 0);
        expectSignature();
    }
    EXPECT_EQ(crowd.stop(), 0);
    EXPECT_TRUE(loadsAndSigns(instance)) << takeErrors();
}

TEST_F(StartedProgram, ExecutedByTheChildOfAThreadedOne) {
    if (!forkIsSafe())
        GTEST_SKIP();
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const Signer mine(instance.get(), key.get());
    Crowd crowd(instance.get(), key.get());
    for (const bool usedBefore : {false, true}) {
        EXPECT_EQ(inChild([&] {
                      if (usedBefore && mine.sign().empty())
                          return false;
                      execv(self.c_str(), arguments_.data());
                      return false;
                  }),
                  0);
        expectSignature();
    }
    EXPECT_EQ(crowd.stop(), 0);
}

// daemon(3) forks, and what was the program ends by _exit.
class Pipe {
  public:
    Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
    ~Pipe() {
        for (const int end : ends_)
            close(end);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void write(const Bytes& bytes) const {
        EXPECT_EQ(::write(ends_[1], bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }
    /// What is written within the test's patience; empty if nothing.
    Bytes read() const {
        pollfd wanted{ends_[0], POLLIN, 0};
        Bytes bytes(200);
        const ssize_t size = poll(&wanted, 1, patience * 1000) == 1
                                 ? ::read(ends_[0], bytes.data(), bytes.size())
                                 : 0;
        bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return bytes;
    }

  private:
    std::array<int, 2> ends_{-1, -1};
};

void becomeDaemonAndSign(const Instance& instance, EVP_PKEY* key, const Pipe& result) {
    alarm(patience);
    if (daemon(1, 1) != 0)
        _exit(1);
    alarm(patience); // the child of a fork has none
    result.write(sign(instance, key, hash));
    _exit(0);
}

TEST(Daemon, SignsWithTheKeysThatTheProgramHad) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (const bool usedBefore : {false, true}) {
        if (usedBefore) {
            ASSERT_FALSE(sign(instance, key.get(), hash).empty()) << takeErrors();
        }
        const Pipe result;
        const pid_t child = fork();
        if (child == 0)
            becomeDaemonAndSign(instance, key.get(), result);
        EXPECT_EQ(statusOf(child), 0);
        EXPECT_TRUE(verify("ec256", result.read(), hash)) << usedBefore;
    }
    EXPECT_TRUE(loadsAndSigns(instance)) << takeErrors();
}

} // namespace
