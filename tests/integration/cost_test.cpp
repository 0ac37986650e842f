// SPDX-License-Identifier: Apache-2.0
// What the provider itself costs beside its calls into the module: memory that it allocates, and
// locks that threads wait for. This program's own malloc and pthread_mutex_lock stand before the C
// library's and count, so it is built without sanitizers only.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include <openssl/rsa.h>

#include "fixture.h"
#include "jobs.h"
#include "provider_file.h"
#include "tls_jobs.h"

extern "C" {
void* __libc_malloc(std::size_t size);                    // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t size); // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* old, std::size_t size);        // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t alignment,
                      std::size_t size); // NOLINT(bugprone-reserved-identifier)
void __libc_free(void* memory);          // NOLINT(bugprone-reserved-identifier)
}

namespace {

thread_local unsigned long allocations = 0;
// What is allocated now. The C library's own figure has what it keeps for later as well.
std::atomic<std::size_t> bytesInUse{0};

void* counted(void* memory) {
    bytesInUse += malloc_usable_size(memory);
    return memory;
}

std::atomic<bool> watching{false};
std::atomic<unsigned long> locks{0};
std::atomic<unsigned long> waits{0};

bool isProvider(const void* address) {
    Dl_info info{};
    return dladdr(address, &info) != 0 &&
           std::strcmp(info.dli_fname, testing_support::providerFile()) == 0;
}

} // namespace

extern "C" {

void* malloc(std::size_t size) {
    ++allocations;
    return counted(__libc_malloc(size));
}

void* calloc(std::size_t count, std::size_t size) {
    ++allocations;
    return counted(__libc_calloc(count, size));
}

void* realloc(void* old, std::size_t size) {
    ++allocations;
    bytesInUse -= malloc_usable_size(old);
    return counted(__libc_realloc(old, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return counted(__libc_memalign(alignment, size));
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    *memory = counted(__libc_memalign(alignment, size));
    return *memory != nullptr ? 0 : ENOMEM;
}

void free(void* memory) {
    bytesInUse -= malloc_usable_size(memory);
    __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
    using Lock = int (*)(pthread_mutex_t*);
    static const auto next = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    if (!watching || !isProvider(__builtin_return_address(0)))
        return next(mutex);
    ++locks;
    if (pthread_mutex_trylock(mutex) == 0)
        return 0;
    ++waits;
    return next(mutex);
}
}

namespace {

using namespace testing_support;

template <typename Body>
unsigned long allocationsOf(Body&& body) {
    const auto before = allocations;
    body();
    return allocations - before;
}

// The least of several, since the module itself allocates now and then for later.
template <typename Body>
unsigned long steadyAllocationsOf(Body&& body) {
    body();
    auto least = allocationsOf(body);
    for (int i = 0; i < 20; ++i)
        least = std::min(least, allocationsOf(body));
    return least;
}

// The same signature by raw calls, with a copy of the key as well.
class Raw {
  public:
    explicit Raw(const std::string& label) {
        CK_FUNCTION_LIST* list = nullptr;
        EXPECT_EQ(module().functionList(&list), CKR_OK);
        functions_ = list;
        const auto slot = tokenWriter("scenarios").slot();
        EXPECT_EQ(functions_->C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session_),
                  CKR_OK);
        CK_OBJECT_CLASS type = CKO_PRIVATE_KEY;
        std::string name = label;
        std::array filter{CK_ATTRIBUTE{CKA_CLASS, &type, sizeof type},
                          CK_ATTRIBUTE{CKA_LABEL, name.data(), name.size()}};
        CK_ULONG count = 0;
        CK_OBJECT_HANDLE onToken = 0;
        EXPECT_EQ(functions_->C_FindObjectsInit(session_, filter.data(), filter.size()), CKR_OK);
        EXPECT_EQ(functions_->C_FindObjects(session_, &onToken, 1, &count), CKR_OK);
        EXPECT_EQ(functions_->C_FindObjectsFinal(session_), CKR_OK);
        EXPECT_EQ(count, 1U);
        CK_BBOOL no = CK_FALSE;
        CK_ATTRIBUTE inSession{CKA_TOKEN, &no, sizeof no};
        EXPECT_EQ(functions_->C_CopyObject(session_, onToken, &inSession, 1, &key_), CKR_OK);
    }

    void sign(CK_MECHANISM mechanism, Bytes& data, Bytes& signature) const {
        CK_ULONG size = signature.size();
        ASSERT_EQ(functions_->C_SignInit(session_, &mechanism, key_), CKR_OK);
        ASSERT_EQ(functions_->C_Sign(session_, data.data(), data.size(), signature.data(), &size),
                  CKR_OK);
    }

  private:
    CK_FUNCTION_LIST* functions_ = nullptr;
    CK_SESSION_HANDLE session_ = 0;
    CK_OBJECT_HANDLE key_ = 0;
};

struct Given {
    const char* name;
    const char* label;
    CK_MECHANISM_TYPE mechanism;
    std::size_t size; ///< bytes that the raw call signs
    int padding;      ///< 0 for keys without
};

class Allocations : public ::testing::TestWithParam<Given> {};
INSTANTIATE_TEST_SUITE_P(
    All, Allocations,
    ::testing::Values(Given{"Ecdsa", "ec256", CKM_ECDSA, 32, 0},
                      Given{"RsaPkcs1", "rsa", CKM_RSA_PKCS, 51, RSA_PKCS1_PADDING},
                      Given{"RsaPss", "rsa", CKM_RSA_PKCS_PSS, 32, RSA_PKCS1_PSS_PADDING}),
    [](const auto& given) { return given.param.name; });

TEST_P(Allocations, AreTheModulesAlone) {
    const Instance instance;
    const auto key = loadPrivate(instance, GetParam().label);
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()), 1);
    if (GetParam().padding != 0) {
        ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), GetParam().padding), 1);
    }
    const Bytes hash(32, 1);
    Bytes signature(512);
    const auto throughProvider = steadyAllocationsOf([&] {
        std::size_t size = signature.size();
        EXPECT_EQ(EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()),
                  1);
    });
    const Raw raw(GetParam().label);
    Bytes data(GetParam().size, 1);
    CK_RSA_PKCS_PSS_PARAMS params{CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism{GetParam().mechanism, nullptr, 0};
    if (GetParam().padding == RSA_PKCS1_PSS_PADDING)
        mechanism = {GetParam().mechanism, &params, sizeof params};
    const auto byRawCalls = steadyAllocationsOf([&] { raw.sign(mechanism, data, signature); });
    EXPECT_GT(byRawCalls, 0U) << "nothing is counted";
    EXPECT_EQ(throughProvider, byRawCalls);
}

// EVP makes a context for each message and has the provider make one. Ours may cost no more than
// that of OpenSSL's own key does.
TEST(MessageAllocations, AreNotMoreThanOpenSslsOwn) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto software = privateKeyFromFile(instance.get(), "ec256");
    const auto begin = [&](EVP_PKEY* with) {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        EXPECT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", instance.get(), nullptr,
                                        with, nullptr),
                  1);
        EXPECT_EQ(EVP_DigestSignUpdate(context.get(), "message", 7), 1);
    };
    ASSERT_FALSE(sign(instance, key.get(), Bytes{1}).empty());
    const auto own = steadyAllocationsOf([&] { begin(key.get()); });
    const auto openssl = steadyAllocationsOf([&] { begin(software.get()); });
    EXPECT_LE(own, openssl);
}

// Threads that share a key, each inside the module at the same time as all others: nobody holds a
// lock while the module works, and the few instructions for which one is held collide with
// nobody's.
TEST(Contention, SixtyFourThreadsAreAllInsideAtOnceAndWaitForNoLock) {
    constexpr int crowd = 64;
    constexpr int rounds = 20;
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_FALSE(sign(instance, key.get(), Bytes{1}).empty());
    module().setDelays(5000, 0);
    const auto crowdSigns = [&](int times) {
        std::atomic<int> good{0};
        inThreads(crowd, [&](int) {
            for (int round = 0; round < times; ++round)
                good += sign(instance, key.get(), Bytes{1}).empty() ? 0 : 1;
        });
        return good.load();
    };
    ASSERT_EQ(crowdSigns(1), crowd); // which opens the sessions
    // Of several crowds, the one that other programs disturbed the least.
    unsigned long fewestWaits = std::numeric_limits<unsigned long>::max();
    unsigned long mostInside = 0;
    for (int attempt = 0; attempt < 3; ++attempt) {
        module().resetCounts();
        locks = 0;
        waits = 0;
        watching = true;
        EXPECT_EQ(crowdSigns(rounds), crowd * rounds);
        watching = false;
        mostInside = std::max(mostInside, module().concurrency());
        EXPECT_LE(module().openSessions(), crowd + 1UL) << "one is that of the key's copy";
        EXPECT_EQ(module().count("C_Sign"), static_cast<unsigned long>(crowd * rounds));
        EXPECT_GT(locks, 0U) << "nothing is counted";
        std::printf("%lu locks, %lu waits\n", locks.load(), waits.load());
        fewestWaits = std::min(fewestWaits, waits.load());
    }
    EXPECT_EQ(mostInside, static_cast<unsigned long>(crowd));
    EXPECT_LE(fewestWaits * 100, locks) << "one lock in a hundred had to be waited for";
}

// As a user registers it with p11-kit, beside what the system has.
void registerTestModule() {
    const auto folder = scratch("config") / "pkcs11" / "modules";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "test.module") << "module: " << TEST_MODULE << "\n";
    ASSERT_EQ(setenv("XDG_CONFIG_HOME", scratch("config").c_str(), 1), 0);
    ASSERT_EQ(unsetenv("PKCS11_PROVIDER_MODULE"), 0);
}

TEST(Memory, StaysFlatOverInstancesWithRegisteredModules) {
    module();
    registerTestModule();
    constexpr int some = 20;
    constexpr std::size_t most = 16; // bytes for each, which the modules are granted
    const auto comeAndGo = [] {
        for (int i = 0; i < some; ++i) {
            const Instance instance;
            EXPECT_TRUE(loadPrivate(instance, "ec256")) << takeErrors();
        }
    };
    comeAndGo();
    const std::size_t before = bytesInUse;
    comeAndGo();
    EXPECT_LE(bytesInUse, before + some * most) << "before: " << before;
}

// Bytes for each of some connections that are freed while their server is paused. `settle` is
// called before they are counted.
template <typename Settle>
std::size_t bytesLostByFreeing(const TlsServer& server, Settle settle) {
    constexpr std::size_t some = 20;
    const auto freeSome = [&] {
        for (std::size_t i = 0; i < some; ++i)
            EXPECT_EQ(Handshake(server).goOn(), SSL_ERROR_WANT_ASYNC) << takeErrors();
        settle();
    };
    freeSome();
    const std::size_t before = bytesInUse;
    freeSome();
    return (bytesInUse - before) / some;
}

// SSL_free does not free a job that is paused, nor what lies on its stack of 32 KiB. So it is
// without this provider, too.
TEST(AsyncMemory, OpenSslLosesTheJobOfAConnectionThatIsFreedWhilePaused) {
    const auto certificate = certificateFromFile(defaultOnly(), "ec256");
    const auto software = privateKeyFromFile(defaultOnly(), "ec256");
    const TlsServer other(defaultOnly(), software.get(), certificate.get(), TLS1_3_VERSION);
    SSL_CTX_set_cert_cb(
        other.context(), [](SSL*, void*) { return ASYNC_pause_job(); }, nullptr);
    const auto withoutProvider = bytesLostByFreeing(other, [] {});
    EXPECT_GT(withoutProvider, 32U * 1024);

    const Instance instance(ConfiguredContext("pkcs11-async-threads = 1").take());
    const auto key = loadPrivate(instance, "ec256");
    const TlsServer server(instance.get(), key.get(), certificate.get(), TLS1_3_VERSION);
    module().setDelays(0, 1000);
    // The only worker has done with the others by then.
    const auto withProvider = bytesLostByFreeing(
        server, [&] { EXPECT_TRUE(Handshake(server).finish()) << takeErrors(); });
    module().setDelays(0, 0);
    std::printf("%zu bytes without the provider, %zu with it\n", withoutProvider, withProvider);
    EXPECT_LE(withProvider, withoutProvider + 4096);
}

} // namespace
