// SPDX-License-Identifier: Apache-2.0
// The provider's life: contexts, unloading, fork, exit.
#include <atomic>
#include <thread>

#include <openssl/crypto.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "pins.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

// A context that is ready to sign: OpenSSL's own fetching has locks that fork copies as they are,
// and is over by then.
p11::ossl::PkeyCtx readyToSign(const Instance& instance, EVP_PKEY* key) {
    p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1) << takeErrors();
    return context;
}

bool signsHash(EVP_PKEY_CTX* context, EVP_PKEY* publicKey) {
    const auto hash = randomBytes(32);
    Bytes signature(80);
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context, signature.data(), &size, hash.data(), hash.size()) != 1)
        return false;
    const p11::ossl::PkeyCtx verifier(EVP_PKEY_CTX_new(publicKey, nullptr));
    return EVP_PKEY_verify_init(verifier.get()) == 1 &&
           EVP_PKEY_verify(verifier.get(), signature.data(), size, hash.data(), hash.size()) == 1;
}

TEST(Life, KeysOutliveTheirProvidersUnloading) {
    Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data));
    instance.unload();
    EXPECT_TRUE(signsHash(readyToSign(instance, key.get()).get(), publicKeyFromFile("ec256").get()))
        << takeErrors();
}

TEST(Life, LoadingAndUnloadingManyTimesWorks) {
    for (int i = 0; i < 50; ++i) {
        const Instance instance(i % 2 == 0 ? Order::defaultFirst : Order::providerFirst);
        const auto key = loadPrivate(instance, "ec256");
        ASSERT_TRUE(verify("ec256", sign(instance, key.get(), data), data)) << i << takeErrors();
    }
}

TEST(Life, SeveralContextsLiveBesideEachOther) {
    const Instance first;
    auto second = std::make_unique<Instance>(Order::providerFirst);
    const auto a = loadPrivate(first, "rsa");
    auto b = loadPrivate(*second, "rsa");
    EXPECT_TRUE(verify("rsa", sign(first, a.get(), data), data));
    EXPECT_TRUE(verify("rsa", sign(*second, b.get(), data), data));
    b.reset();
    second.reset();
    EXPECT_TRUE(verify("rsa", sign(first, a.get(), data), data)) << takeErrors();
}

TEST(Life, BothSidesOfAForkSign) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto works = [&] { return verify("ec256", sign(instance, key.get(), data), data); };
    ASSERT_TRUE(works());
    EXPECT_EQ(inChild([&] { return works() && works() && inChild(works) == 0; }), 0);
    EXPECT_TRUE(works()) << takeErrors();
    EXPECT_EQ(inChild([&] {
                  return verify("rsa", sign(instance, loadPrivate(instance, "rsa").get(), data),
                                data);
              }),
              0);
    EXPECT_TRUE(works());
}

TEST(Life, ForkWhileOtherThreadsSign) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "GCC 12's sanitizers do not free their own allocator's locks in a child";
#endif
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto publicKey = publicKeyFromFile("ec256");
    const auto mine = readyToSign(instance, key.get());
    ASSERT_TRUE(signsHash(mine.get(), publicKey.get()));
    std::atomic<bool> stop{false};
    std::atomic<int> signatures{0};
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back(
            [&, context = std::shared_ptr<EVP_PKEY_CTX>(readyToSign(instance, key.get()).release(),
                                                        EVP_PKEY_CTX_free)] {
                const Bytes hash(32, 7);
                Bytes signature(80);
                while (!stop) {
                    std::size_t size = signature.size();
                    failures += EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(),
                                              hash.size()) == 1
                                    ? 0
                                    : 1;
                    ++signatures;
                }
            });
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(inChild([&] {
                      const bool good = signsHash(mine.get(), publicKey.get()) &&
                                        signsHash(mine.get(), publicKey.get());
                      std::fputs(takeErrors().c_str(), stderr);
                      return good;
                  }),
                  0);
        EXPECT_TRUE(signsHash(mine.get(), publicKey.get())) << "the parent goes on";
    }
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_GT(signatures, 0);
}

// A process that leaks its keys and ends by exit() keeps its exit status; SoftHSM's static objects
// and OpenSSL's atexit handler run in an order that nobody chose.
TEST(Life, ExitKeepsItsStatusWhateverIsLeaked) {
    for (const bool cleanFirst : {false, true}) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(60);
            static Instance instance;
            auto* key = loadPrivate(instance, "ec256").release();
            sign(instance, key, data);
            if (cleanFirst)
                OPENSSL_cleanup();
            std::exit(42);
        }
        int status = -1;
        waitpid(child, &status, 0);
        ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
        EXPECT_EQ(WEXITSTATUS(status), 42);
    }
}

CK_SESSION_HANDLE othersSession = CK_INVALID_HANDLE;

[[noreturn]] void askAtExit() {
    CK_SESSION_INFO info{};
    const CK_RV rv = moduleFunctions()->C_GetSessionInfo(othersSession, &info);
    _exit(rv == CKR_OK ? 1 : rv == CKR_CRYPTOKI_NOT_INITIALIZED ? 2 : 3);
}

/// Another part of a program uses the same module, and asks for its session at exit, after the
/// provider's own handler if that is new. 1: it is there, 2: the module has ended, more: something
/// else.
int sessionAtExit(bool othersInitialise) {
    const pid_t child = fork();
    if (child != 0)
        return statusOf(child);
    alarm(60);
    // The module's own static objects go at last.
    if (moduleFunctions()->C_Initialize(nullptr) != CKR_OK ||
        (!othersInitialise && moduleFunctions()->C_Finalize(nullptr) != CKR_OK))
        _exit(4);
    std::atexit(askAtExit);
    static Instance instance;
    auto* key = loadPrivate(instance, "ec256").release();
    othersSession = openSession("scenarios");
    if (sign(instance, key, data).empty())
        _exit(5);
    std::exit(6);
}

// The module belongs to the one who initialised it, and nobody crashes.
TEST(Life, TheExitEndsOnlyAModuleThatTheProviderInitialised) {
    EXPECT_EQ(sessionAtExit(true), 1);
    // In a process that has loaded the module before, the provider's handler is the older one.
    const int ours = sessionAtExit(false);
    EXPECT_TRUE(ours == 1 || ours == 2) << ours;
}

} // namespace
