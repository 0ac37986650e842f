// SPDX-License-Identifier: Apache-2.0
// Several library contexts with the provider: one module between them, ended in any order.
#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

#include "fixture.h"
#include "provider_file.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

bool signsWith(const Instance& instance, EVP_PKEY* key) {
    return verify("ec256", sign(instance, key, data), data);
}

struct Use {
    explicit Use(Order order)
        : instance(std::make_unique<Instance>(order)), key(loadPrivate(*instance, "ec256")) {}
    bool works() const { return signsWith(*instance, key.get()); }

    std::unique_ptr<Instance> instance;
    p11::ossl::Pkey key;
};

void unloadOnly(Use& use) {
    use.key.reset();
    use.instance->unload();
}
void freeKeyAndContext(Use& use) {
    use.key.reset();
    use.instance.reset();
}
// The key is the last that holds the provider.
void unloadAndFreeKey(Use& use) {
    use.instance->unload();
    use.key.reset();
    use.instance.reset();
}

struct Ending {
    const char* name;
    bool firstGoesFirst;
    std::function<void(Use&)> end;
};

class TwoContexts : public ::testing::TestWithParam<Ending> {};
INSTANTIATE_TEST_SUITE_P(All, TwoContexts,
                         ::testing::Values(Ending{"UnloadFirst", true, unloadOnly},
                                           Ending{"UnloadSecond", false, unloadOnly},
                                           Ending{"FreeFirst", true, freeKeyAndContext},
                                           Ending{"FreeSecond", false, freeKeyAndContext},
                                           Ending{"KeyLastFirst", true, unloadAndFreeKey},
                                           Ending{"KeyLastSecond", false, unloadAndFreeKey}),
                         [](const auto& given) { return given.param.name; });

TEST_P(TwoContexts, ShareOneModuleThatEndsWithTheLast) {
    const CallCounter calls;
    Use first(Order::defaultFirst);
    Use second(Order::providerFirst);
    EXPECT_TRUE(first.works() && second.works()) << takeErrors();
    EXPECT_EQ(calls.of("C_Initialize"), 1U);
    EXPECT_EQ(calls.of("C_Login"), 1U);

    auto& ending = GetParam().firstGoesFirst ? first : second;
    auto& staying = GetParam().firstGoesFirst ? second : first;
    GetParam().end(ending);
    EXPECT_EQ(calls.of("C_Finalize"), 0U);
    EXPECT_TRUE(staying.works()) << takeErrors();
    EXPECT_TRUE(signsWith(*staying.instance, loadPrivate(*staying.instance, "ec256").get()));
    EXPECT_EQ(calls.of("C_Initialize"), 1U);
    EXPECT_EQ(calls.of("C_Login"), 1U);

    GetParam().end(staying);
    first.instance.reset();
    second.instance.reset();
    EXPECT_EQ(calls.of("C_Finalize"), 1U);
    EXPECT_EQ(module().openSessions(), 0U);
}

TEST(Contexts, UsedAtOnceFromThreadsInitialiseAndLogInOnce) {
    const CallCounter calls;
    std::vector<std::unique_ptr<Instance>> instances;
    for (int i = 0; i < 4; ++i)
        instances.push_back(
            std::make_unique<Instance>(i % 2 == 0 ? Order::defaultFirst : Order::providerFirst));
    std::atomic<int> good{0};
    inThreads(static_cast<int>(instances.size()), [&](int i) {
        const auto& instance = *instances.at(static_cast<std::size_t>(i));
        const auto key = load(instance, uriOf("ec256"));
        good += key && signsWith(instance, key.get()) ? 1 : 0;
    });
    EXPECT_EQ(good, 4);
    EXPECT_EQ(calls.of("C_Initialize"), 1U);
    EXPECT_EQ(calls.of("C_Login"), 1U);
    instances.clear();
    EXPECT_EQ(calls.of("C_Finalize"), 1U);
}

// The address sanitizer unwinds the stack at every allocation, and takes half a second for each.
#if defined(__SANITIZE_ADDRESS__)
constexpr unsigned long many = 10;
#else
constexpr unsigned long many = 100;
#endif

TEST(Contexts, ManyOneAfterTheOtherEndTheModuleEachTime) {
    const CallCounter calls;
    for (unsigned long i = 0; i < many; ++i) {
        const Use once(i % 2 == 0 ? Order::defaultFirst : Order::providerFirst);
        ASSERT_TRUE(once.works()) << i << takeErrors();
    }
    EXPECT_EQ(calls.of("C_Initialize"), many);
    EXPECT_EQ(calls.of("C_Login"), many);
    EXPECT_EQ(calls.of("C_Finalize"), many);
    EXPECT_EQ(module().openSessions(), 0U);
}

TEST(Contexts, ProviderIsLoadedManyTimesIntoOne) {
    Instance instance;
    instance.unload();
    const CallCounter calls;
    for (unsigned long i = 0; i < many; ++i) {
        const p11::ossl::Provider software(OSSL_PROVIDER_load(instance.get(), "default"));
        const p11::ossl::Provider provider(OSSL_PROVIDER_load(instance.get(), "pkcs11"));
        const auto key = load(instance, uriOf("ec256"));
        ASSERT_TRUE(key && signsWith(instance, key.get())) << i << takeErrors();
    }
    EXPECT_EQ(calls.of("C_Initialize"), calls.of("C_Finalize") + 1);
    EXPECT_FALSE(load(instance, uriOf("ec256"))) << "nobody serves it any more";
    takeErrors();
}

// Contexts that other providers make: a child of the application's, which mirrors its providers, or
// one that shares no more than the core's functions, and loads them by itself.
enum class Kind { child, fromDispatch };

struct OtherProvider {
    p11::ossl::LibCtx libctx;
    std::vector<p11::ossl::Provider> loaded;
};
Kind wantedKind = Kind::child;
OtherProvider* other = nullptr;

void otherTeardown(void* provctx) {
    delete static_cast<OtherProvider*>(provctx);
    other = nullptr;
}

int otherInit(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
              void** provctx) {
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_TEARDOWN, reinterpret_cast<void (*)()>(otherTeardown)}, {0, nullptr}};
    other = new OtherProvider;
    other->libctx.reset(wantedKind == Kind::child ? OSSL_LIB_CTX_new_child(handle, in)
                                                  : OSSL_LIB_CTX_new_from_dispatch(handle, in));
    *out = functions;
    *provctx = other;
    return other->libctx != nullptr ? 1 : 0;
}

void loadIntoOther() {
    OSSL_PROVIDER_set_default_search_path(
        other->libctx.get(), std::filesystem::path(providerFile()).parent_path().c_str());
    for (const char* name : {"default", "pkcs11"})
        other->loaded.emplace_back(OSSL_PROVIDER_load(other->libctx.get(), name));
}

class OthersContext : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        wantedKind = GetParam();
        ASSERT_EQ(OSSL_PROVIDER_add_builtin(instance_->get(), "other", otherInit), 1);
        otherProvider_.reset(OSSL_PROVIDER_load(instance_->get(), "other"));
        ASSERT_NE(other, nullptr) << takeErrors();
        if (GetParam() == Kind::fromDispatch)
            loadIntoOther();
    }
    bool otherSigns(EVP_PKEY* key) {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(80);
        std::size_t size = signature.size();
        if (EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", other->libctx.get(), nullptr,
                                  key, nullptr) != 1 ||
            EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
            return false;
        signature.resize(size);
        return verify("ec256", signature, data);
    }

    const CallCounter calls_ = CallCounter();
    std::unique_ptr<Instance> instance_ = std::make_unique<Instance>();
    p11::ossl::Provider otherProvider_;
};
INSTANTIATE_TEST_SUITE_P(All, OthersContext, ::testing::Values(Kind::child, Kind::fromDispatch),
                         [](const auto& given) {
                             return given.param == Kind::child ? "Child" : "FromDispatch";
                         });

TEST_P(OthersContext, SignsBesideTheApplicationAndGoesWithIt) {
    auto mine = loadPrivate(*instance_, "ec256");
    auto others = load(other->libctx.get(), uriOf("ec256"));
    ASSERT_TRUE(others) << takeErrors();
    EXPECT_TRUE(otherSigns(others.get())) << takeErrors();
    EXPECT_TRUE(signsWith(*instance_, mine.get())) << takeErrors();
    EXPECT_EQ(calls_.of("C_Initialize"), 1U);
    EXPECT_EQ(calls_.of("C_Login"), 1U);
    mine.reset();
    others.reset();
    otherProvider_.reset();
    instance_.reset();
    EXPECT_EQ(other, nullptr);
    EXPECT_EQ(calls_.of("C_Finalize"), 1U);
    EXPECT_EQ(module().openSessions(), 0U);
}

TEST_P(OthersContext, EndsBeforeTheApplications) {
    const auto mine = loadPrivate(*instance_, "ec256");
    {
        const auto others = load(other->libctx.get(), uriOf("ec256"));
        EXPECT_TRUE(others && otherSigns(others.get())) << takeErrors();
    }
    other->loaded.clear();
    other->libctx.reset();
    EXPECT_EQ(calls_.of("C_Finalize"), 0U);
    EXPECT_TRUE(signsWith(*instance_, mine.get())) << takeErrors();
    EXPECT_TRUE(signsWith(*instance_, loadPrivate(*instance_, "ec256").get()));
}

// The provider goes while a thread signs with a key that it has.
class Signing {
  public:
    Signing(const Instance& instance, EVP_PKEY* key)
        : context_(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr)) {
        EXPECT_EQ(EVP_PKEY_sign_init(context_.get()), 1) << takeErrors();
        thread_ = std::thread([this] { signUntilStopped(); });
        waitForMore();
    }
    ~Signing() { stop(); }
    Signing(const Signing&) = delete;
    Signing& operator=(const Signing&) = delete;

    void waitForMore() const {
        const int enough = signatures_ + 20;
        while (signatures_ < enough)
            std::this_thread::yield();
    }
    int failures() const { return failures_; }
    Bytes stop() {
        stop_ = true;
        if (thread_.joinable())
            thread_.join();
        return last_;
    }

  private:
    void signUntilStopped() {
        while (!stop_) {
            Bytes signature(80);
            std::size_t size = signature.size();
            if (EVP_PKEY_sign(context_.get(), signature.data(), &size, hash_.data(),
                              hash_.size()) != 1)
                ++failures_;
            signature.resize(size);
            last_ = signature;
            ++signatures_;
        }
    }

    const Bytes hash_ = Bytes(32, 7);
    p11::ossl::PkeyCtx context_;
    std::atomic<bool> stop_{false};
    std::atomic<int> signatures_{0};
    std::atomic<int> failures_{0};
    Bytes last_;
    std::thread thread_;
};

bool verifiesHash(const Bytes& signature) {
    const auto key = publicKeyFromFile("ec256");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key.get(), nullptr));
    const Bytes hash(32, 7);
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
}

TEST(Contexts, UnloadingWhileAThreadSignsLeavesItsKeyUsable) {
    for (int i = 0; i < 5; ++i) {
        Instance instance;
        const auto key = loadPrivate(instance, "ec256");
        Signing signing(instance, key.get());
        instance.unload();
        signing.waitForMore();
        EXPECT_TRUE(verifiesHash(signing.stop()));
        EXPECT_EQ(signing.failures(), 0);
    }
}

TEST(Contexts, AnotherContextEndsWhileAThreadSigns) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    Signing signing(instance, key.get());
    for (int i = 0; i < 10; ++i) {
        const Use once(Order::providerFirst);
        ASSERT_TRUE(once.works()) << takeErrors();
    }
    signing.waitForMore();
    EXPECT_TRUE(verifiesHash(signing.stop()));
    EXPECT_EQ(signing.failures(), 0);
}

} // namespace
