// SPDX-License-Identifier: Apache-2.0
// PINs: none is tried twice, and each ends with the provider instance that it was given to. Each
// test is a process of its own.
#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <openssl/rsa.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agreement.h"
#include "fixture.h"
#include "new_keys.h"
#include "pkcs11/error.h"
#include "tests/support/memory_search.h"

namespace {

using namespace testing_support;
using test_module::placesOf;

const Bytes data = randomBytes(100);

void set(const char* name, const std::string& value) {
    ASSERT_EQ(module().configure(name, value.c_str()), CKR_OK) << name << "=" << value;
}

void unset(const char* name) {
    ASSERT_EQ(module().configure(name, nullptr), CKR_OK) << name;
}

std::string withoutPin(const std::string& label, const std::string& type = "private") {
    return "pkcs11:token=scenarios;object=" + label + ";type=" + type;
}

bool decrypts(const Instance& instance, EVP_PKEY* key) {
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    const Bytes ciphertext(256, 1);
    Bytes out(256);
    std::size_t size = out.size();
    return EVP_PKEY_decrypt_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
           EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(),
                            ciphertext.size()) == 1;
}

bool signs(const Instance& instance, EVP_PKEY* key) {
    return !sign(instance, key, data).empty();
}

bool derives(const Instance& instance, EVP_PKEY* key) {
    return !derive(instance.get(), key, publicKeyFromFile("ec256").get()).empty();
}

/// A key that is logged in for at each use.
class AtEachUse : public ::testing::Test {
  protected:
    AtEachUse() { set("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1"); }

    using Run = std::function<bool()>;
    /// For keys that sign, decrypt and derive, each in a process that has refused no PIN yet.
    static void forEachUse(const std::function<void(const Run& run)>& body) {
        struct Use {
            const char* label;
            bool (*run)(const Instance& instance, EVP_PKEY* key);
        };
        for (const Use& use : {Use{"ec256", signs}, Use{"rsa", decrypts}, Use{"ec256", derives}})
            EXPECT_EQ(inChild([&] {
                          const Instance instance;
                          const auto key = loadPrivate(instance, use.label);
                          body([&] { return use.run(instance, key.get()); });
                          return !HasFailure();
                      }),
                      0);
    }
};

TEST_F(AtEachUse, APinIsNotTriedAgainOnceItWasRefused) {
    forEachUse([](const Run& run) {
        ASSERT_TRUE(run()) << takeErrors();
        fault("C_Login", "1", CKR_PIN_INCORRECT); // somebody has changed it
        const CallCounter calls;
        EXPECT_FALSE(run());
        EXPECT_NE(takeErrors().find("CKR_PIN_INCORRECT"), std::string::npos);
        for (int i = 0; i < 4; ++i) {
            EXPECT_FALSE(run());
            EXPECT_NE(takeErrors().find("is not tried again"), std::string::npos);
        }
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    });
}

TEST_F(AtEachUse, APinIsRefusedOnceToManyThreads) {
    forEachUse([](const Run& run) {
        fault("C_Login", "1+", CKR_PIN_INCORRECT);
        module().setDelays(1000, 0);
        const CallCounter calls;
        inThreads(8, [&](int) { EXPECT_FALSE(run()); });
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    });
}

TEST_F(AtEachUse, APinThatWasGoodIsTriedOnceMoreAfterAnUnclearAnswer) {
    forEachUse([](const Run& run) {
        for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED}) {
            fault("C_Login", "1", rv);
            EXPECT_TRUE(run()) << pkcs11::rvName(rv) << takeErrors();
        }
        fault("C_Login", "1+", CKR_GENERAL_ERROR);
        const CallCounter calls;
        EXPECT_FALSE(run());
        EXPECT_EQ(calls.of("C_Login"), 2U) << calls.log();
    });
}

TEST_F(AtEachUse, APinThatTheTokenCountsAsWrongIsRefusedWhateverItAnswers) {
    forEachUse([](const Run& run) {
        set("PKCS11_TEST_FAULT_EFFECT", "count");
        fault("C_Login", "1", CKR_GENERAL_ERROR);
        const CallCounter calls;
        EXPECT_FALSE(run());
        EXPECT_FALSE(run());
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    });
}

TEST_F(AtEachUse, AWrongPinThatSomebodyElseHasEnteredIsNotHeldAgainstAGoodOne) {
    forEachUse([](const Run& run) {
        ASSERT_TRUE(run()) << takeErrors();
        set("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_USER_PIN_COUNT_LOW));
        fault("C_Login", "1", CKR_GENERAL_ERROR);
        EXPECT_TRUE(run()) << takeErrors();
    });
}

// One context logs in while the other finds the connection lost, and makes another.
TEST(WrongPin, IsTriedOnceThoughTheTokenIsConnectedToAnew) {
    set("PKCS11_TEST_DELAY_LOGIN_US", "30000");
    const std::array<Instance, 2> instances;
    const CallCounter calls;
    unsigned long tried = 0;
    for (const char* pin : {"4321", "9876"}) {
        ASSERT_EQ(module().setFaults("C_OpenSession:2=CKR_DEVICE_REMOVED"), CKR_OK);
        inThreads(4, [&](int i) {
            EXPECT_FALSE(load(instances.at(static_cast<std::size_t>(i) % 2),
                              withoutPin("ec256") + "?pin-value=" + pin));
        });
        EXPECT_EQ(calls.of("C_Login"), ++tried) << calls.log();
    }
}

// Somebody would have to enter it again.
TEST(PinPad, IsNotAskedAgainAfterAnUnclearAnswer) {
    set("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED,
                           CKR_FUNCTION_CANCELED, CKR_PIN_INCORRECT}) {
        fault("C_Login", "1", rv);
        const CallCounter calls;
        EXPECT_FALSE(load(instance, withoutPin("ec256")));
        EXPECT_EQ(calls.of("C_Login"), 1U) << pkcs11::rvName(rv);
    }
    noFaults();
    EXPECT_TRUE(load(instance, withoutPin("ec256"))) << takeErrors();
}

// As a token that answers nothing else would have it asked for each attempt.
TEST(PinPad, IsAskedOnceForOneOperation) {
    set("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    const auto key = load(instance, withoutPin("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    for (const char* function : {"C_SignInit", "C_Sign"}) {
        fault(function, "1+", CKR_DEVICE_ERROR);
        const CallCounter calls;
        EXPECT_FALSE(signs(instance, key.get()));
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
        noFaults();
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
    }
}

TEST(PinPad, ThatRefusesIsNotAskedAgainForEachThread) {
    constexpr int crowd = 8;
    set("PKCS11_TEST_PROTECTED_PATH", "1234");
    const Instance instance;
    const auto key = load(instance, withoutPin("ec256"));
    ASSERT_TRUE(signs(instance, key.get())) << takeErrors();
    set("PKCS11_TEST_PROTECTED_PATH", "4321");
    set("PKCS11_TEST_FAULT_EFFECT", "close");
    set("PKCS11_TEST_DELAY_LOGIN_US", "30000");
    fault("C_SignInit", "1-8", CKR_DEVICE_REMOVED);
    const CallCounter calls;
    inThreads(crowd, [&](int) { EXPECT_FALSE(signs(instance, key.get())); });
    // A thread that comes late asks for an operation of its own.
    EXPECT_LT(calls.of("C_Login"), static_cast<unsigned long>(crowd)) << calls.log();
}

TEST(DeletedKey, CostsNoLoginAndNoSession) {
    const Instance instance;
    const auto other = loadPrivate(instance, "rsa");
    const auto gone = loadPrivate(instance, "bare-ec");
    ASSERT_TRUE(signs(instance, other.get()) && signs(instance, gone.get())) << takeErrors();
    tokenWriter("scenarios").destroy("bare-ec");
    const CallCounter calls;
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(signs(instance, gone.get()));
        EXPECT_NE(takeErrors().find("no longer exists"), std::string::npos);
        EXPECT_TRUE(signs(instance, other.get())) << takeErrors();
    }
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
    EXPECT_LE(calls.of("C_OpenSession"), 1U) << calls.log(); // for that in which C_SignInit failed
}

// With the module's own functions, as another part of the program would.
CK_FUNCTION_LIST* functions() {
    CK_FUNCTION_LIST* list = nullptr;
    EXPECT_EQ(module().functionList(&list), CKR_OK);
    return list;
}

CK_SLOT_ID slotOf(const std::string& token) {
    return tokenWriter(token).slot();
}

CK_SESSION_HANDLE openSession(const std::string& token, CK_FLAGS flags = 0) {
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    EXPECT_EQ(functions()->C_OpenSession(slotOf(token), CKF_SERIAL_SESSION | flags, nullptr,
                                         nullptr, &session),
              CKR_OK);
    return session;
}

TEST(LoggedOut, ByAnotherPartOfTheProgramIsLoggedInAgainOnce) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    const auto session = openSession("scenarios");
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(functions()->C_Logout(session), CKR_OK);
        const CallCounter calls;
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    }
}

// By another instance that ends, say.
TEST(LoggedOut, BetweenInitAndTheOperationIsDoneAgain) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    set("PKCS11_TEST_FAULT_EFFECT", "logout");
    for (const CK_RV rv : {CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN}) {
        fault("C_Sign", "1", rv);
        EXPECT_TRUE(signs(instance, key.get())) << pkcs11::rvName(rv) << takeErrors();
        fault("C_FindObjects", "1", rv);
        EXPECT_TRUE(load(instance, uriOf("rsa"))) << pkcs11::rvName(rv) << takeErrors();
    }
}

TEST(LoggedOut, BeforeTheLoginForOneOperationIsDoneAgain) {
    set("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    set("PKCS11_TEST_FAULT_EFFECT", "logout");
    for (const CK_RV rv : {CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN}) {
        fault("C_Login", "1", rv);
        EXPECT_TRUE(signs(instance, key.get())) << pkcs11::rvName(rv) << takeErrors();
    }
}

// The token finds no private object then, which must not be taken for its absence.
TEST(LoggedOut, DuringASearchIsSearchedAgain) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(signs(instance, key.get()));
    set("PKCS11_TEST_FAULT_EFFECT", "logout");
    for (const std::string loss : {"CKR_DEVICE_REMOVED", "CKR_KEY_HANDLE_INVALID"}) {
        const auto faults = "C_SignInit:1=" + loss + ",C_FindObjectsInit:1=CKR_OK";
        ASSERT_EQ(module().setFaults(faults.c_str()), CKR_OK);
        const CallCounter calls;
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
        EXPECT_GE(calls.of("C_FindObjectsInit"), 2U) << calls.log();
    }
    fault("C_FindObjectsInit", "1", CKR_OK);
    EXPECT_TRUE(load(instance, uriOf("rsa"))) << takeErrors();
}

// The one whose login it was is freed during the search, and another one logs in before it ends.
TEST(LoggedOut, AndInAgainDuringASearchIsSearchedAgain) {
    static auto owner = std::make_unique<Instance>();
    static auto another = std::make_unique<Instance>();
    const Instance instance;
    ASSERT_TRUE(load(*owner, uriOf("ec256")));
    ASSERT_TRUE(load(instance, withoutPin("ec256")));
    ASSERT_EQ(
        module().setHook("C_FindObjectsInit", [] { std::thread([] { owner.reset(); }).join(); }),
        CKR_OK);
    static bool loggedInAgain = false;
    ASSERT_EQ(module().setHook("C_FindObjectsFinal",
                               [] {
                                   std::thread([] {
                                       loggedInAgain = load(*another, uriOf("ec256")) != nullptr;
                                   }).join();
                               }),
              CKR_OK);
    EXPECT_TRUE(load(instance, withoutPin("rsa"))) << takeErrors();
    EXPECT_FALSE(owner);
    EXPECT_TRUE(loggedInAgain);
    another.reset();
}

TEST(Flags, AreAskedForAgainBeforeAnythingIsRefused) {
    const Instance instance;
    ASSERT_TRUE(load(instance, withoutPin("ec256", "public"), OSSL_STORE_INFO_PUBKEY));
    set("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_USER_PIN_LOCKED));
    EXPECT_FALSE(load(instance, uriOf("ec256")));
    EXPECT_NE(takeErrors().find("CKF_USER_PIN_LOCKED"), std::string::npos);
    unset("PKCS11_TEST_TOKEN_FLAGS");
    EXPECT_TRUE(load(instance, uriOf("ec256"))) << takeErrors();

    set("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_WRITE_PROTECTED));
    EXPECT_FALSE(generateEc(instance, "fresh"));
    EXPECT_NE(takeErrors().find("CKF_WRITE_PROTECTED"), std::string::npos);
    unset("PKCS11_TEST_TOKEN_FLAGS");
    EXPECT_TRUE(generateEc(instance, "fresh")) << takeErrors();
}

/// Two provider instances that share the module, and so the token's one login.
// The PIN for uses is another than the token's, and stands in the URI.
class PinForUses : public AtEachUse {
  protected:
    PinForUses() { set("PKCS11_TEST_QUIRK", "context-pin"); } // 9876

    static std::string file(const std::string& pin) {
        const auto path = scratch("pin-for-uses");
        std::ofstream(path) << pin;
        std::filesystem::permissions(path, std::filesystem::perms::owner_read |
                                               std::filesystem::perms::owner_write);
        return path.string();
    }
};

TEST_F(PinForUses, IsTakenFromTheUriWhateverTheDirectiveHas) {
    const ConfiguredContext configured("pkcs11-module-context-pin = 1111");
    for (const auto& given :
         {std::string("x-context-pin-value=9876"), "x-context-pin-source=file:" + file("9876")}) {
        const auto key = load(configured.get(), uriOf("ec256") + "&" + given);
        ASSERT_TRUE(key) << takeErrors();
        const ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(80);
        std::size_t size = signature.size();
        const CallCounter calls;
        EXPECT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", configured.get(), nullptr,
                                        key.get(), nullptr),
                  1);
        EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()),
                  1)
            << given << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    }
}

TEST_F(PinForUses, IsTheDirectivesWhereTheUrisIsEmpty) {
    const ConfiguredContext configured("pkcs11-module-context-pin = 9876");
    const auto key = load(configured.get(), uriOf("ec256") + "&x-context-pin-value=");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_FALSE(derive(configured.get(), key.get(), publicKeyFromFile("ec256").get()).empty())
        << takeErrors();
}

TEST_F(PinForUses, IsTriedOnceIfItIsWrongAndToldNowhere) {
    const auto log = scratch("log");
    ASSERT_EQ(setenv("PKCS11_PROVIDER_DEBUG", ("file:" + log.string() + ",level:2").c_str(), 1), 0);
    const std::string wrong = "wrong-for-uses";
    for (const auto& given :
         {"x-context-pin-value=" + wrong, "x-context-pin-source=" + file(wrong)}) {
        const Instance instance;
        const auto key = load(instance, uriOf("ec256") + "&" + given);
        ASSERT_TRUE(key) << takeErrors();
        for (int i = 0; i < 3; ++i) {
            EXPECT_FALSE(signs(instance, key.get()));
            const auto errors = takeErrors();
            EXPECT_NE(errors.find("the PIN was refused"), std::string::npos) << errors;
            EXPECT_EQ(errors.find(wrong), std::string::npos) << errors;
        }
    }
    std::ifstream lines(log);
    int refused = 0;
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(line.find(wrong), std::string::npos) << line;
        refused += line.find("C_Login CKR_PIN_INCORRECT") != std::string::npos ? 1 : 0;
    }
    EXPECT_EQ(refused, 1);
}

TEST_F(PinForUses, InAFileThatIsNotThereFailsTheUse) {
    const Instance instance;
    const auto key = load(instance, uriOf("ec256") + "&x-context-pin-source=/nowhere/pin");
    ASSERT_TRUE(key) << takeErrors();
    const CallCounter calls;
    EXPECT_FALSE(signs(instance, key.get()));
    EXPECT_NE(takeErrors().find("/nowhere/pin"), std::string::npos);
    const auto other = load(instance, uriOf("ec256") + "&x-context-pin-source=%7Ccat");
    EXPECT_FALSE(signs(instance, other.get()));
    EXPECT_NE(takeErrors().find("x-context-pin-source names a command"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
}

TEST_F(PinForUses, GoesWithANewKey) {
    const Instance instance;
    const auto key = generate(
        instance, "EC",
        {{"group", "P-256"}, {"pkcs11_uri", place("new-use") + "&x-context-pin-value=9876"}});
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
    EXPECT_EQ(destroy(instance, place("new-use"), true), 1) << takeErrors();
}

class SharedLogin : public ::testing::Test {
  protected:
    SharedLogin() {
        EXPECT_TRUE(
            load(second, withoutPin("ec256", "public"), OSSL_STORE_INFO_PUBKEY)); // is in use
        firstKey = loadPrivate(*first, "ec256");
    }
    void endFirst() {
        firstKey.reset();
        first.reset();
    }

    std::unique_ptr<Instance> first = std::make_unique<Instance>();
    Instance second;
    ossl::Pkey firstKey;
};

TEST_F(SharedLogin, EndsWithTheInstanceThatHadThePin) {
    const auto key = load(second, withoutPin("ec256"));
    ASSERT_TRUE(key) << "the login is the application's: " << takeErrors();
    EXPECT_TRUE(signs(second, key.get())) << takeErrors();
    endFirst();
    EXPECT_FALSE(signs(second, key.get()));
    EXPECT_NE(takeErrors().find("no PIN for token \"scenarios\""), std::string::npos);
    EXPECT_FALSE(load(second, withoutPin("rsa")));
    EXPECT_TRUE(load(second, uriOf("rsa"))) << takeErrors();
    EXPECT_TRUE(signs(second, key.get())) << takeErrors();
}

TEST_F(SharedLogin, StaysForAnotherInstanceWithTheSamePin) {
    const auto key = loadPrivate(second, "ec256");
    const CallCounter calls;
    endFirst();
    EXPECT_TRUE(signs(second, key.get())) << takeErrors();
    EXPECT_EQ(calls.of("C_Login") + calls.of("C_Logout") + calls.of("C_FindObjects"), 0U)
        << calls.log();
}

TEST_F(SharedLogin, DoesNotMakeAWrongPinRight) {
    const auto key = load(second, withoutPin("ec256") + "?pin-value=4321");
    ASSERT_TRUE(key) << "nobody can tell before: " << takeErrors();
    endFirst();
    const CallCounter calls;
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(signs(second, key.get()));
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
}

TEST_F(SharedLogin, GivesNoPinToKeysThatAskForItAtEachUse) {
    set("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1");
    const auto key = load(second, withoutPin("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    const CallCounter calls;
    EXPECT_FALSE(signs(second, key.get()));
    EXPECT_NE(takeErrors().find("no PIN is known"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
    const auto again = loadPrivate(second, "ec256");
    EXPECT_TRUE(signs(second, again.get())) << takeErrors();
}

// The module goes on, and with it the token's login, unless that is ended.
TEST(EndedInstance, LeavesNoLoginToALaterOneWhereTheModuleGoesOn) {
    const auto configuration = "pkcs11-module-quirks = no-deinit";
    {
        const ConfiguredContext first(configuration);
        EXPECT_TRUE(load(first.get(), uriOf("ec256"))) << takeErrors();
    }
    const ConfiguredContext second(configuration);
    EXPECT_FALSE(load(second.get(), withoutPin("ec256")));
    EXPECT_NE(takeErrors().find("no PIN for token \"scenarios\""), std::string::npos);
    EXPECT_TRUE(load(second.get(), uriOf("ec256"))) << takeErrors();
}

TEST(RefusedPin, IsNotTriedAgainByAnotherInstance) {
    const auto uri = withoutPin("ec256") + "?pin-value=4321";
    const CallCounter calls;
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(load(Instance(), uri));
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
    EXPECT_TRUE(load(Instance(), uriOf("ec256"))) << takeErrors();
}

TEST(PinFile, ThatMayNeverAnswerIsRefused) {
    const Instance instance;
    const auto fifo = scratch("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& path :
         {fifo.string(), std::string("/dev/tty"), std::string("/dev/zero")}) {
        EXPECT_FALSE(load(instance, withoutPin("ec256") + "?pin-source=" + path)) << path;
        EXPECT_NE(takeErrors().find("the PIN file " + path), std::string::npos);
        const ConfiguredContext configured("pkcs11-module-token-pin = file:" + path);
        EXPECT_FALSE(load(configured.get(), withoutPin("ec256"))) << path;
        EXPECT_NE(takeErrors().find("the PIN file " + path), std::string::npos);
    }
}

// Lines of a log, and whatever a terminal does.
TEST(Label, WithControlCharactersForgesNothing) {
    const auto log = scratch("log");
    ASSERT_EQ(setenv("PKCS11_PROVIDER_DEBUG", ("file:" + log.string() + ",level:2").c_str(), 1), 0);
    const std::string label = "evil\npkcs11[1] #1 C_Login CKR_OK 1 us\x1B[2J\xC2\x9B";
    const Instance instance;
    {
        auto writer = tokenWriter("scenarios");
        CK_BBOOL yes = CK_TRUE;
        Bytes p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
        std::string text = label;
        const std::vector<CK_ATTRIBUTE> common{{CKA_TOKEN, &yes, sizeof yes},
                                               {CKA_LABEL, text.data(), text.size()}};
        auto publicValues = common;
        publicValues.push_back({CKA_EC_PARAMS, p256.data(), p256.size()});
        writer.generatePair(CKM_EC_KEY_PAIR_GEN, publicValues, common);
    }
    const auto key = loadPrivate(instance, "evil%0Apkcs11%5B1%5D%20%231%20C_Login%20CKR_OK%201%20us"
                                           "%1B%5B2J%C2%9B");
    fault("C_Sign", "1", CKR_ARGUMENTS_BAD);
    EXPECT_TRUE(sign(instance, key.get(), data).empty());
    const char* message = nullptr;
    int messages = 0;
    for (; ERR_get_error_all(nullptr, nullptr, nullptr, &message, nullptr) != 0; ++messages)
        EXPECT_EQ(std::string(message).find_first_of("\n\x1B\x9B"), std::string::npos) << message;
    EXPECT_GT(messages, 0);
    std::ifstream lines(log);
    const auto start = "pkcs11[" + std::to_string(getpid()) + "] #";
    int quoted = 0;
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(line.substr(0, start.size()), start);
        EXPECT_EQ(line.find_first_of("\x1B\x9B"), std::string::npos) << line;
        quoted += line.find("evil\\x0A") != std::string::npos ? 1 : 0;
    }
    EXPECT_GT(quoted, 0);
}

/// Has `use` work with what `shifted` stands for, and wipes it.
void withPlain(const std::string& shifted, const std::function<void(std::string&)>& use) {
    std::string plain = shifted;
    for (char& letter : plain)
        --letter;
    use(plain);
    OPENSSL_cleanse(plain.data(), plain.size());
}

std::filesystem::path pinFile(const std::string& shifted) {
    auto path = scratch("pin");
    withPlain(shifted, [&path](const std::string& pin) {
        const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        EXPECT_EQ(write(file, pin.data(), pin.size()), static_cast<ssize_t>(pin.size()));
        close(file);
    });
    return path;
}

TEST(Memory, HasNoPinOnceAllContextsAreFreed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    const std::string good = "hppe.9342.tfdsfu"; // one more than each letter
    const std::string bad = "cbe.9342.tfdsfu";
    {
        const Instance instance;
        ASSERT_TRUE(loadPrivate(instance, "ec256"));
        const auto session = openSession("scenarios", CKF_RW_SESSION);
        std::string old = "1234";
        withPlain(good, [&](std::string& pin) {
            EXPECT_EQ(functions()->C_SetPIN(session, reinterpret_cast<CK_UTF8CHAR*>(old.data()),
                                            old.size(), reinterpret_cast<CK_UTF8CHAR*>(pin.data()),
                                            pin.size()),
                      CKR_OK);
        });
    }
    {
        const Instance instance;
        EXPECT_FALSE(load(instance, withoutPin("ec256") + "?pin-source=" + pinFile(bad).string()));
        EXPECT_NE(takeErrors().find("CKR_PIN_INCORRECT"), std::string::npos);
        const auto key =
            load(instance, withoutPin("ec256") + "?pin-source=" + pinFile(good).string());
        ASSERT_TRUE(key) << takeErrors();
        EXPECT_TRUE(signs(instance, key.get())) << takeErrors();
        EXPECT_GE(placesOf(good), 1) << "or what follows looks in the wrong place";
        EXPECT_EQ(placesOf(bad), 0);
    }
    EXPECT_EQ(placesOf(good), 0);
    EXPECT_EQ(placesOf(bad), 0);
}

} // namespace
