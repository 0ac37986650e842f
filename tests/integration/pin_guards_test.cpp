// SPDX-License-Identifier: Apache-2.0
// PINs: what must not be tried, asked for or left behind. Each test is a process of its own.
#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "ossl/implementation.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

const std::string key = "pkcs11:token=scenarios;object=ec256;type=private";
const std::string withPin = key + "?pin-value=1234";

/// Somebody who can be asked for a PIN.
struct Somebody {
    std::function<int(char* buffer, int size)> answer;
    int asked = 0;
};

int ask(char* buffer, std::size_t size, std::size_t* given, const OSSL_PARAM*, void* arg) {
    auto& somebody = *static_cast<Somebody*>(arg);
    ++somebody.asked;
    const int answer = somebody.answer(buffer, static_cast<int>(size));
    *given = static_cast<std::size_t>(std::max(answer, 0));
    return answer >= 0 ? 1 : 0;
}

int takeObject(const OSSL_PARAM*, void* arg) {
    *static_cast<bool*>(arg) = true;
    return 1;
}

// By the provider's own functions: libcrypto asks once and remembers, and has a buffer of its own
// between the two.
bool loadsAsking(const Instance& instance, const std::string& uri, Somebody& somebody) {
    const p11::ossl::Provider provider(OSSL_PROVIDER_load(instance.get(), "pkcs11"));
    const p11::ossl::Implementation store(provider.get(), OSSL_OP_STORE, "pkcs11");
    auto* ctx =
        store.function<OSSL_FUNC_store_open_fn>(OSSL_FUNC_STORE_OPEN)(store.provctx(), uri.c_str());
    int wanted = OSSL_STORE_INFO_PKEY;
    const std::array params{OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &wanted),
                            OSSL_PARAM_construct_end()};
    store.function<OSSL_FUNC_store_set_ctx_params_fn>(OSSL_FUNC_STORE_SET_CTX_PARAMS)(
        ctx, params.data());
    bool isThere = false;
    store.function<OSSL_FUNC_store_load_fn>(OSSL_FUNC_STORE_LOAD)(ctx, takeObject, &isThere, ask,
                                                                  &somebody);
    store.function<OSSL_FUNC_store_close_fn>(OSSL_FUNC_STORE_CLOSE)(ctx);
    return isThere;
}

TEST(PinThatIsRefused, IsNotTriedAgainWhateverItsRefusalIsCalled) {
    for (const CK_RV rv : {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE})
        EXPECT_EQ(inChild([rv] {
                      const Instance instance;
                      fault("C_Login", "1", rv);
                      const CallCounter calls;
                      EXPECT_FALSE(load(instance, withPin));
                      EXPECT_NE(takeErrors().find(p11::pkcs11::rvName(rv)), std::string::npos);
                      EXPECT_FALSE(load(instance, withPin));
                      EXPECT_NE(takeErrors().find("not tried again"), std::string::npos);
                      EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
                      return !::testing::Test::HasFailure();
                  }),
                  0)
            << p11::pkcs11::rvName(rv);
}

TEST(PinThatIsRefused, IsNotForgivenWhereAnotherOneIsTaken) {
    const auto wrong = key + "?pin-value=4321";
    const CallCounter calls;
    {
        const Instance instance;
        EXPECT_FALSE(load(instance, wrong));
        EXPECT_TRUE(load(instance, withPin)) << takeErrors();
    }
    EXPECT_EQ(calls.of("C_Login"), 2U) << calls.log();
    const Instance instance;
    EXPECT_FALSE(load(instance, wrong));
    EXPECT_NE(takeErrors().find("not tried again"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 2U) << calls.log();
}

TEST(PinThatIsGivenTwice, IsTheOneOfTheUri) {
    const auto file = scratch("pin");
    std::ofstream(file) << "1234\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    const ConfiguredContext configured("pkcs11-module-token-pin = 4321");
    EXPECT_TRUE(load(configured.get(), key + "?pin-source=" + file.string())) << takeErrors();
}

TEST(PinPadOfAToken, AsksNobodyElse) {
    configureModule("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    Somebody somebody{[](char*, int) { return -1; }};
    EXPECT_TRUE(loadsAsking(instance, key, somebody)) << takeErrors();
    EXPECT_EQ(somebody.asked, 0);
}

// The login has to be repeated in another session.
TEST(Somebody, IsAskedOnceForALoginThatIsRepeated) {
    const Instance instance;
    Somebody somebody{[](char* buffer, int) {
        std::copy_n("1234", 4, buffer);
        return 4;
    }};
    fault("C_Login", "1", CKR_SESSION_HANDLE_INVALID);
    const CallCounter calls;
    EXPECT_TRUE(loadsAsking(instance, key, somebody)) << takeErrors();
    EXPECT_EQ(somebody.asked, 1);
    EXPECT_EQ(calls.of("C_Login"), 2U) << calls.log();
}

TEST(PinSourceOfACommand, IsToldFromAFile) {
    const Instance instance;
    EXPECT_FALSE(load(instance, key + "?pin-source=|echo"));
    EXPECT_NE(takeErrors().find("pin-source names a command"), std::string::npos);
}

// What a FIFO has now may not be all that its writer has to say.
TEST(PinFileThatIsAFifo, IsRefusedThoughThereIsAPinInIt) {
    const auto fifo = scratch("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const int writer = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(write(writer, "1234\n", 5), 5);
    const Instance instance;
    EXPECT_FALSE(load(instance, key + "?pin-source=" + fifo.string()));
    EXPECT_NE(takeErrors().find("is not a regular file"), std::string::npos);
    close(writer);
}

// Nobody has to enter a PIN so that two keys can be compared.
TEST(KeyThatAsksAtEachUse, IsNotAskedForItsPublicHalf) {
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const Instance instance;
    const auto loaded = load(instance, withPin);
    const CallCounter calls;
    EXPECT_EQ(EVP_PKEY_eq(loaded.get(), publicKeyFromFile("ec256").get()), 1) << takeErrors();
    EXPECT_EQ(calls.of("C_Login") + calls.of("C_SignInit"), 0U) << calls.log();
}

TEST(PinForOneOperation, IsTheConfiguredOne) {
    configureModule("PKCS11_TEST_QUIRK", "context-pin");
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const ConfiguredContext configured("pkcs11-module-context-pin = 9876");
    const auto loaded = load(configured.get(), withPin);
    ASSERT_TRUE(loaded) << takeErrors();
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    Bytes signature(128);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", configured.get(), nullptr,
                                    loaded.get(), nullptr),
              1);
    EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, signature.data(), 3), 1)
        << takeErrors();
}

TEST(Crowd, LogsInOnce) {
    configureModule("PKCS11_TEST_DELAY_LOGIN_US", "30000");
    const Instance instance;
    const CallCounter calls;
    inThreads(8, [&](int) { EXPECT_TRUE(load(instance, withPin)) << takeErrors(); });
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
}

// The operation that was begun in it would disturb the next one.
TEST(SessionOfARefusedLogin, IsClosed) {
    configureModule("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const Instance instance;
    const auto loaded = load(instance, withPin);
    ASSERT_FALSE(sign(instance, loaded.get(), {1, 2, 3}).empty()) << takeErrors();
    fault("C_Login", "1", CKR_PIN_INCORRECT);
    const CallCounter calls;
    EXPECT_TRUE(sign(instance, loaded.get(), {1, 2, 3}).empty());
    takeErrors();
    EXPECT_EQ(calls.of("C_CloseSession"), 1U) << calls.log();
}

// The last buffer that somebody wrote a PIN into, and how much of it was wiped since.
constinit std::atomic<const void*> watched{nullptr};
constinit std::atomic<std::size_t> wiped{0};

} // namespace

// In place of libcrypto's, for all libraries of the program.
extern "C" [[gnu::visibility("default")]] void OPENSSL_cleanse(void* at, std::size_t size) {
    if (at == watched.load())
        wiped = std::max(wiped.load(), size);
    using Cleanse = void (*)(void*, std::size_t);
    static constinit std::atomic<Cleanse> next{nullptr};
    if (next.load() == nullptr)
        next = reinterpret_cast<Cleanse>(dlsym(RTLD_NEXT, "OPENSSL_cleanse"));
    next.load()(at, size);
}

namespace {

// All of it: whoever is asked may have written more than the PIN.
TEST(BufferForAPin, IsWipedOnceThePinIsTaken) {
    const Instance instance;
    std::size_t room = 0;
    Somebody somebody{[&room](char* buffer, int size) {
        watched = buffer;
        room = static_cast<std::size_t>(size);
        std::copy_n("1234", 4, buffer);
        return 4;
    }};
    EXPECT_TRUE(loadsAsking(instance, key, somebody)) << takeErrors();
    EXPECT_EQ(somebody.asked, 1);
    EXPECT_GT(room, 0U);
    EXPECT_EQ(wiped.load(), room);
}

} // namespace
