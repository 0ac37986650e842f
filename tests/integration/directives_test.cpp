// SPDX-License-Identifier: Apache-2.0
// Each directive of openssl.cnf and each environment variable, by what it changes.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "pkcs11/error.h"
#include "pkcs11/policy.h"
#include "pkcs11/registration.h"
#include "tests/integration/decryption.h"
#include "tests/integration/fixture.h"
#include "tests/integration/newer.h"
#include "tests/integration/provider_file.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(1000);

/// A variable of the environment for a while; unset if there is no value.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* old = std::getenv(name))
            old_ = old;
        set(value);
    }
    ~Variable() { set(old_ ? old_->c_str() : nullptr); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    void set(const char* value) {
        if (value != nullptr)
            setenv(name_, value, 1);
        else
            unsetenv(name_);
    }
    const char* name_;
    std::optional<std::string> old_;
};

class Configured : public ConfiguredContext {
  public:
    using ConfiguredContext::ConfiguredContext;

    p11::ossl::Pkey key(const std::string& uri, int expected = OSSL_STORE_INFO_PKEY) const {
        return load(get(), uri, expected);
    }
    /// A signature by the private key behind `uri` is that of rsa.
    bool signs(const std::string& uri = uriOf("rsa")) const {
        const auto found = key(uri);
        return found && signsWith(found.get());
    }
    bool signsWith(EVP_PKEY* found) const {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(512);
        std::size_t size = signature.size();
        if (EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", get(), nullptr, found,
                                  nullptr) != 1 ||
            EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
            return false;
        signature.resize(size);
        return verify("rsa", signature, data);
    }
};

bool decryptsWith(EVP_PKEY* key, const Configured& configured) {
    const auto ciphertext = encrypt(Bytes(20, 1));
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(configured.get(), key, nullptr));
    Bytes plaintext(256);
    std::size_t size = plaintext.size();
    return EVP_PKEY_decrypt_init(context.get()) == 1 &&
           EVP_PKEY_decrypt(context.get(), plaintext.data(), &size, ciphertext.data(),
                            ciphertext.size()) == 1;
}

const std::string withoutPin = "pkcs11:token=scenarios;object=rsa";
std::string publicUri() {
    return uriOf("rsa", "public");
}

TEST(Directives, NameTheModule) {
    const Variable none("PKCS11_PROVIDER_MODULE", nullptr);
    for (const char* name : {"pkcs11-module-path", "pkcs11_module"})
        EXPECT_TRUE(Configured(std::string(name) + " = " + TEST_MODULE).signs())
            << name << takeErrors();
    const Configured wrong("pkcs11-module-path = /nosuch/module.so");
    EXPECT_FALSE(wrong.signs());
    EXPECT_NE(takeErrors().find("/nosuch/module.so"), std::string::npos);
}

TEST(Directives, GiveThePin) {
    EXPECT_FALSE(Configured("").signs(withoutPin));
    takeErrors();
    const auto file = scratch("pin");
    std::ofstream(file) << "1234\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    for (const char* name : {"pkcs11-module-token-pin", "pin"})
        for (const std::string& value : {std::string("1234"), "file:" + file.string()})
            EXPECT_TRUE(Configured(std::string(name) + " = " + value).signs(withoutPin))
                << name << " = " << value << takeErrors();
    std::filesystem::remove(file);
}

TEST(Directives, GiveTheInitArguments) {
    // SoftHSM takes none, and says so.
    for (const std::string name : {"pkcs11-module-init-args", "init_args"}) {
        EXPECT_EQ(inChild([&name] {
                      return !Configured(name + " = configdir=/nosuch").signs() &&
                             takeErrors().find("CKR_ARGUMENTS_BAD") != std::string::npos;
                  }),
                  0)
            << name;
        EXPECT_EQ(inChild([&name] { return Configured(name + " =").signs(); }), 0) << name;
    }
}

TEST(Directives, ForbidTheExportOfPublicKeys) {
    const auto exported = [](const Configured& configured) {
        const auto key = configured.key(publicUri(), OSSL_STORE_INFO_PUBKEY);
        OSSL_PARAM* params = nullptr;
        const bool done = key && EVP_PKEY_todata(key.get(), EVP_PKEY_PUBLIC_KEY, &params) == 1;
        OSSL_PARAM_free(params);
        const auto errors = takeErrors();
        EXPECT_NE(done, errors.find("pkcs11-module-allow-export = 1 forbids") != std::string::npos)
            << errors;
        return done;
    };
    EXPECT_TRUE(exported(Configured("pkcs11-module-allow-export = 0")));
    EXPECT_FALSE(exported(Configured("pkcs11-module-allow-export = 1")));
    EXPECT_TRUE(Configured("pkcs11-module-allow-export = 1").signs()) << takeErrors();
}

TEST(Directives, OfCachesChangeNoResult) {
    for (const char* line :
         {"pkcs11-module-cache-keys = true", "pkcs11-module-cache-keys = false",
          "pkcs11-module-cache-pins = cache", "pkcs11-module-encode-provider-uri-to-pem = true",
          "pkcs11-module-quirks = no-operation-state no-session-callbacks"})
        EXPECT_TRUE(Configured(line).signs()) << line << takeErrors();
}

TEST(Directives, OfCopiesOfKeysHaveThreeValues) {
    EXPECT_TRUE(Configured("pkcs11-module-cache-keys = auto").signs()) << takeErrors();
    EXPECT_FALSE(Configured("pkcs11-module-cache-keys = session").signs());
    EXPECT_NE(takeErrors().find("pkcs11-module-cache-keys does not accept the value \"session\": "
                                "use auto, true or false"),
              std::string::npos);
}

// In children, since a module's options are those of its first user in the process.
TEST(Directives, LimitTheSessionsThatAreKept) {
    const auto keptAfterACrowd = [](const std::string& directive) {
        const Configured configured(directive);
        const auto key = configured.key(uriOf("rsa"));
        module().setDelays(0, 20'000);
        inThreads(8, [&](int) { EXPECT_TRUE(configured.signsWith(key.get())); });
        return module().openSessions();
    };
    EXPECT_EQ(inChild([&] { return keptAfterACrowd("") > 1; }), 0);
    EXPECT_EQ(inChild([&] { return keptAfterACrowd("pkcs11-module-cache-sessions = 0") == 1; }), 0);
    EXPECT_EQ(inChild([&] { return keptAfterACrowd("pkcs11-module-cache-sessions = 3") == 3; }), 0);
}

/// Calls of C_Login for the public key, whose PIN is given, and then for the private one.
std::pair<unsigned long, unsigned long> logins(const Configured& configured) {
    const CallCounter publicCalls;
    EXPECT_TRUE(configured.key(publicUri(), OSSL_STORE_INFO_PUBKEY)) << takeErrors();
    const auto first = publicCalls.of("C_Login");
    const CallCounter privateCalls;
    EXPECT_TRUE(configured.signs()) << takeErrors();
    return {first, privateCalls.of("C_Login")};
}

TEST(Directives, SayWhenToLogIn) {
    using Calls = std::pair<unsigned long, unsigned long>;
    EXPECT_EQ(logins(Configured("pkcs11-module-login-behavior = auto")), Calls(0, 1));
    EXPECT_EQ(logins(Configured("pkcs11-module-login-behavior = always")), Calls(1, 0));
    EXPECT_EQ(logins(Configured("force_login = 1")), Calls(1, 0));
    EXPECT_EQ(logins(Configured("force_login = 0")), Calls(0, 1));
    // Of public keys alone, as pkcs11-provider has it: private ones are not to be had without.
    EXPECT_EQ(logins(Configured("pkcs11-module-login-behavior = never")), Calls(0, 1));
    const Variable force("PKCS11_FORCE_LOGIN", "1");
    EXPECT_EQ(logins(Configured("pkcs11-module-login-behavior = never")), Calls(1, 0));
}

// A public key that is seen after a login only: never is never.
TEST(Directives, NeverLogInForAPublicKey) {
    const Configured configured("pkcs11-module-login-behavior = never");
    const CallCounter calls;
    EXPECT_FALSE(configured.key("pkcs11:token=scenarios;object=nosuch;type=public?pin-value=1234",
                                OSSL_STORE_INFO_PUBKEY));
    EXPECT_EQ(calls.of("C_Login"), 0U) << takeErrors();
    EXPECT_FALSE(configured.key("pkcs11:token=scenarios;object=bare-rsa?pin-value=1234",
                                OSSL_STORE_INFO_PUBKEY));
    EXPECT_EQ(calls.of("C_Login"), 0U) << takeErrors();
}

TEST(Directives, LoadTheModuleEarly) {
    const auto loaded = [](const std::string& directive) {
        const Configured configured(directive);
        const CallCounter calls;
        const p11::ossl::Owner<EVP_KEYMGMT, EVP_KEYMGMT_free> fetched(
            EVP_KEYMGMT_fetch(configured.get(), "RSA", "provider=pkcs11"));
        return fetched && calls.of("C_GetFunctionList") > 0;
    };
    EXPECT_FALSE(loaded(""));
    EXPECT_TRUE(loaded("pkcs11-module-load-behavior = early"));
}

/// What software needs from a library context that has this provider first.
bool softwareWorks(OSSL_LIB_CTX* libctx) {
    const p11::ossl::Pkey key(EVP_PKEY_Q_keygen(libctx, nullptr, "EC", "P-256"));
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    Bytes signature(80);
    std::size_t size = signature.size();
    const p11::ossl::Owner<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(libctx, "HKDF", nullptr));
    return key && kdf &&
           EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", libctx, nullptr, key.get(),
                                 nullptr) == 1 &&
           EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) == 1;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

// An error in the queue after a success would make SSL_get_error(3) report a failed handshake.
TEST(Directives, SayOnceWhyTheModuleCannotBeLoadedEarly) {
    const Variable none("PKCS11_PROVIDER_MODULE", nullptr);
    const auto text = scratch("text.so");
    std::ofstream(text) << "not a library\n";
    const std::vector<std::string> unusable{"/nosuch/module.so", "/tmp", text, providerFile()};
    for (const auto& path : unusable)
        for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
            const Configured configured("pkcs11-module-load-behavior = early\n"
                                        "pkcs11-module-path = " +
                                            path,
                                        order);
            EXPECT_TRUE(softwareWorks(configured.get())) << path;
            const auto said = takeErrors();
            EXPECT_EQ(occurrences(said, "PKCS#11 module unusable"), 1U) << path << said;
            EXPECT_NE(said.find(path), said.npos) << said;
            EXPECT_TRUE(softwareWorks(configured.get())) << path;
            EXPECT_EQ(takeErrors(), "") << path;
            // A URI tries again, and its error is its own.
            EXPECT_FALSE(configured.key(uriOf("rsa")));
            EXPECT_EQ(occurrences(takeErrors(), "PKCS#11 module unusable"), 1U) << path;
        }
}

TEST(Directives, BlockOperations) {
    using Fetch = std::function<bool(OSSL_LIB_CTX*)>;
    const char* ours = "provider=pkcs11";
    const auto fetched = [](auto* method, auto free) {
        free(method);
        takeErrors();
        return method != nullptr;
    };
    std::map<std::string, Fetch> fetches{
        {"random",
         [&](auto* ctx) {
             return fetched(EVP_RAND_fetch(ctx, "PKCS11-RAND", ours), EVP_RAND_free);
         }},
        {"store",
         [&](auto* ctx) {
             return fetched(OSSL_STORE_LOADER_fetch(ctx, "pkcs11", ours), OSSL_STORE_LOADER_free);
         }},
        {"keymgmt",
         [&](auto* ctx) { return fetched(EVP_KEYMGMT_fetch(ctx, "RSA", ours), EVP_KEYMGMT_free); }},
        {"signature",
         [&](auto* ctx) {
             return fetched(EVP_SIGNATURE_fetch(ctx, "RSA", ours), EVP_SIGNATURE_free);
         }},
        {"asym-cipher",
         [&](auto* ctx) {
             return fetched(EVP_ASYM_CIPHER_fetch(ctx, "RSA", ours), EVP_ASYM_CIPHER_free);
         }},
        {"exchange",
         [&](auto* ctx) {
             return fetched(EVP_KEYEXCH_fetch(ctx, "ECDH", ours), EVP_KEYEXCH_free);
         }},
        {"encoder",
         [&](auto* ctx) {
             return fetched(OSSL_ENCODER_fetch(ctx, "RSA", ours), OSSL_ENCODER_free);
         }},
        {"decoder", [&](auto* ctx) {
             return fetched(OSSL_DECODER_fetch(ctx, "RSA", ours), OSSL_DECODER_free);
         }}};
    struct Skeymgmt;
    using FetchSkeymgmt = Skeymgmt*(OSSL_LIB_CTX*, const char*, const char*);
    if (auto* const fetch = newer<FetchSkeymgmt>("EVP_SKEYMGMT_fetch"); fetch != nullptr) {
        fetches["skeymgmt"] = [&, fetch](auto* ctx) {
            return fetched(fetch(ctx, "AES", ours), newer<void(Skeymgmt*)>("EVP_SKEYMGMT_free"));
        };
        fetches["cipher"] = [&](auto* ctx) {
            return fetched(EVP_CIPHER_fetch(ctx, "AES-256-CBC", ours), EVP_CIPHER_free);
        };
        fetches["kdf"] = [&](auto* ctx) {
            return fetched(EVP_KDF_fetch(ctx, "HKDF", ours), EVP_KDF_free);
        };
        fetches["kem"] = [&](auto* ctx) {
            return fetched(EVP_KEM_fetch(ctx, "ML-KEM-768", ours), EVP_KEM_free);
        };
    }
    for (const auto& [blocked, unused] : fetches) {
        const Configured configured("pkcs11-random-token = pkcs11:token=scenarios\n"
                                    "pkcs11-symmetric-keys = 1\n"
                                    "pkcs11-module-block-operations = digest " +
                                    blocked);
        for (const auto& [name, fetch] : fetches)
            EXPECT_EQ(fetch(configured.get()), name != blocked) << name << " without " << blocked;
    }
}

TEST(Directives, NoDeinitLeavesTheModuleAlone) {
    const auto ends = [](const std::string& directive) {
        EXPECT_TRUE(Configured(directive).signs()) << takeErrors();
        return module().count("C_Finalize");
    };
    EXPECT_EQ(inChild([&] { return ends("") == 1; }), 0);
    EXPECT_EQ(inChild([&] { return ends("pkcs11-module-quirks = no-deinit") == 0; }), 0);
}

// It is by CKA_ALLOWED_MECHANISMS that a key is known to be for PSS, and not asked for more.
TEST(Directives, NoAllowedMechanismsLeavesThatAttributeUnread) {
    const auto isForPss = [](const std::string& directive) {
        const Configured configured(directive);
        EXPECT_FALSE(configured.signs(uriOf("pssonly")));
        return takeErrors().find("signs only with PSS padding") != std::string::npos;
    };
    EXPECT_TRUE(isForPss(""));
    EXPECT_FALSE(isForPss("pkcs11-module-quirks = no-allowed-mechanisms"));
}

/// What `run` writes to standard error in a child.
std::string errorOutput(const std::function<bool()>& run) {
    const auto file = scratch("stderr");
    EXPECT_EQ(inChild([&] { return std::freopen(file.c_str(), "w", stderr) != nullptr && run(); }),
              0);
    std::ifstream written(file);
    return {std::istreambuf_iterator<char>(written), {}};
}

/// What a signature in a child writes to standard error.
std::string errorOutput(const std::string& directive, const char* level) {
    return errorOutput([&] {
        const Variable debug("PKCS11_PROVIDER_DEBUG", nullptr);
        const Variable variable("PKCS11_DEBUG_LEVEL", level);
        return Configured(directive).signs();
    });
}

TEST(Directives, SetTheLevelOfTheLog) {
    const auto has = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    for (const auto& [directive, level] :
         {std::pair{"debug_level = 1", static_cast<const char*>(nullptr)}, std::pair{"", "1"}}) {
        const auto steps = errorOutput(directive, level);
        EXPECT_TRUE(has(steps, "sign with the private key")) << steps;
        EXPECT_FALSE(has(steps, "C_SignInit")) << steps;
    }
    for (const auto& [directive, level] :
         {std::pair{"debug_level = 2", static_cast<const char*>(nullptr)}, std::pair{"", "2"}})
        EXPECT_TRUE(has(errorOutput(directive, level), "C_SignInit")) << directive;
    EXPECT_EQ(errorOutput("debug_level = 0", nullptr), "");
}

/// A library context that reads the file that OpenSSL reads by default.
class Defaults {
  public:
    explicit Defaults(const std::string& directives) {
        std::ofstream(file_) << "\nopenssl_conf = init\n[init]\nproviders = providers\n"
                             << "[providers]\ndefault = default_section\npkcs11 = token\n"
                             << "[default_section]\nactivate = 1\n[token]\nactivate = 1\nmodule = "
                             << providerFile() << '\n'
                             << directives << '\n';
    }
    bool loads() const { return OSSL_LIB_CTX_load_config(libctx_.get(), file_.c_str()) == 1; }
    bool findsKey() const {
        return load(libctx_.get(), uriOf("rsa"), OSSL_STORE_INFO_PKEY) != nullptr;
    }

  private:
    std::filesystem::path file_ = scratch("default.cnf");
    Variable variable_{"OPENSSL_CONF", file_.c_str()};
    p11::ossl::LibCtx libctx_{OSSL_LIB_CTX_new()};
};

TEST(Directives, MisspeltAreNamed) {
    for (const auto& [name, meant] :
         {std::pair{"pkcs11-module-login-behaviour", "pkcs11-module-login-behavior"},
          {"pkcs11_module_path", "pkcs11-module-path"},
          {"pkcs11-module-pth", "pkcs11-module-path"},
          {"pkcs11-module-quirk", "pkcs11-module-quirks"},
          {"pkcs11-token-pin", "pkcs11-module-token-pin"},
          {"module-path", "pkcs11-module-path"},
          {"pkcs11-modul-login-behavior", "pkcs11-module-login-behavior"},
          {"pksc11-module-path", "pkcs11-module-path"},
          {"pkcs-module-token-pin", "pkcs11-module-token-pin"},
          {"PKCS11-Modules-Path", "pkcs11-module-path"},
          {"MODULE_PATH", "pkcs11-module-path"},
          {"PIN", "pin"},
          {"pkcs11-module-pin", "pin"}}) {
        const Defaults defaults(std::string(name) + " = auto");
        EXPECT_TRUE(defaults.loads()) << name << takeErrors();
        EXPECT_FALSE(defaults.findsKey()) << name;
        const auto errors = takeErrors();
        EXPECT_NE(
            errors.find(std::string("unknown directive ") + name + "; did you mean " + meant + "?"),
            std::string::npos)
            << errors;
    }
}

TEST(Directives, UnlikeAnyOtherAreLogged) {
    const auto log = errorOutput([] {
        const Variable debug("PKCS11_PROVIDER_DEBUG", "level:1");
        const Defaults defaults(
            "pkcs11-something-quite-new = 1\npkcs11-module-default-slot-id = 1\n"
            "pkcs11-module-cookies = 1\npan-id = 1");
        return defaults.loads() && defaults.findsKey();
    });
    EXPECT_NE(log.find("unknown directive pkcs11-something-quite-new"), std::string::npos) << log;
}

TEST(Directives, OfOtherSectionsDoNotCount) {
    const Defaults defaults("[other]\nMODULE_PATH = /nosuch\n");
    EXPECT_TRUE(defaults.loads()) << takeErrors();
    EXPECT_TRUE(defaults.findsKey()) << takeErrors();
}

TEST(Directives, OfAnotherFileDoNotCount) {
    const Defaults defaults("module-path = /nosuch");
    EXPECT_TRUE(Configured("").signs()) << takeErrors();
}

TEST(Directives, AssumeFips) {
    const auto found = [](const std::string& directive, const char* query) {
        const Configured configured(directive);
        const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(
            OSSL_STORE_open_ex(uriOf("rsa").c_str(), configured.get(), query, nullptr, nullptr,
                               nullptr, nullptr, nullptr));
        const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
            store ? OSSL_STORE_load(store.get()) : nullptr);
        takeErrors();
        return info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY;
    };
    EXPECT_FALSE(found("", "fips=yes"));
    EXPECT_FALSE(found("pkcs11-module-assume-fips = false", "fips=yes"));
    EXPECT_TRUE(found("pkcs11-module-assume-fips = true", "fips=yes"));
    EXPECT_TRUE(found("pkcs11-module-assume-fips = true", "provider=pkcs11"));
    EXPECT_TRUE(Configured("pkcs11-module-assume-fips = true").signs()) << takeErrors();
}

TEST(Directives, WithWrongValuesAreNamed) {
    for (const char* name : {"pkcs11-module-allow-export", "pkcs11-module-login-behavior",
                             "pkcs11-module-load-behavior", "pkcs11-module-quirks",
                             "pkcs11-module-cache-sessions", "pkcs11-module-assume-fips",
                             "pkcs11-allow-readable-pin-files", "force_login", "debug_level"}) {
        const Configured configured(std::string(name) + " = perhaps");
        EXPECT_FALSE(configured.signs()) << name;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(name), std::string::npos) << name << ": " << errors;
        EXPECT_NE(errors.find("perhaps"), std::string::npos) << name << ": " << errors;
    }
}

TEST(EnvironmentVariables, NameTheModuleBeforeTheDirective) {
    const Variable none("PKCS11_PROVIDER_MODULE", nullptr);
    for (const char* name : {"PKCS11_MODULE_PATH", "PKCS11_PROVIDER_MODULE"}) {
        const Variable variable(name, TEST_MODULE);
        EXPECT_TRUE(Configured("pkcs11-module-path = /nosuch/module.so").signs())
            << name << takeErrors();
    }
}

TEST(EnvironmentVariables, GiveThePinWhereNothingElseDoes) {
    const Variable variable("PKCS11_PIN", "1234");
    EXPECT_TRUE(Configured("").signs(withoutPin)) << takeErrors();
    const Variable wrong("PKCS11_PIN", "not asked for");
    EXPECT_TRUE(Configured("pkcs11-module-token-pin = 1234").signs(withoutPin)) << takeErrors();
}

TEST(EnvironmentVariables, SwitchTheLogOn) {
    const auto log = scratch("log");
    const auto logged = [&log] {
        std::ifstream file(log);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    EXPECT_EQ(inChild([&] {
                  const Variable variable("PKCS11_PROVIDER_DEBUG",
                                          ("file:" + log.string() + ",level:2").c_str());
                  return Configured("").signs();
              }),
              0);
    EXPECT_NE(logged().find("C_SignInit"), std::string::npos) << logged();
    // Processes, steps and microseconds may have the PIN for a number; make-tokens.sh sees to it
    // that the token has not.
    const auto text =
        std::regex_replace(logged(), std::regex(R"(pkcs11\[\d+\] #\d+ | \d+ us\n)"), "\n");
    EXPECT_EQ(text.find("1234"), std::string::npos) << "the PIN: " << text;
    std::filesystem::remove(log);
    EXPECT_EQ(inChild([&] {
                  const Variable variable("PKCS11_PROVIDER_DEBUG",
                                          ("file:" + log.string()).c_str());
                  return Configured("").signs();
              }),
              0);
    EXPECT_NE(logged().find("sign"), std::string::npos) << logged();
    EXPECT_EQ(logged().find("C_SignInit"), std::string::npos) << logged();
    std::filesystem::remove(log);
}

// What both formats say, without the numbers of processes and steps, and the times.
std::string withoutNumbers(const std::string& line) {
    return std::regex_replace(line, std::regex(R"(^pkcs11\[\d+\] #\d+ |\d+ us$)"), "");
}
std::string saidBy(const nlohmann::json& line) {
    if (line.contains("message"))
        return line.at("message").get<std::string>();
    const auto function = line.at("function").get<std::string>();
    if (!line.contains("result"))
        return function + " (result and time are not logged)";
    EXPECT_TRUE(line.at("microseconds").is_number_unsigned()) << line;
    return function + " " + line.at("result").get<std::string>() + " ";
}

TEST(EnvironmentVariables, SetTheFormatOfTheLog) {
    const auto linesOf = [](const std::string& format) {
        const auto log = scratch("log");
        EXPECT_EQ(inChild([&] {
                      const Variable variable(
                          "PKCS11_PROVIDER_DEBUG",
                          ("file:" + log.string() + ",level:2" + format).c_str());
                      const Configured configured("");
                      const auto key = configured.key(uriOf("rsa"));
                      return configured.signsWith(key.get()) && decryptsWith(key.get(), configured);
                  }),
                  0);
        std::ifstream file(log);
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);)
            lines.push_back(line);
        std::filesystem::remove(log);
        return lines;
    };
    std::vector<std::string> text, json;
    for (const auto& line : linesOf(",format:text"))
        text.push_back(withoutNumbers(line));
    unsigned steps = 0;
    for (const auto& line : linesOf(",format:json")) {
        const auto read = nlohmann::json::parse(line);
        EXPECT_TRUE(std::regex_match(read.at("time").get<std::string>(),
                                     std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
        EXPECT_GT(read.at("pid").get<pid_t>(), 0);
        steps = std::max(steps, read.at("step").get<unsigned>());
        json.push_back(saidBy(read));
    }
    EXPECT_EQ(json, text);
    EXPECT_GT(steps, 1U);
    EXPECT_NE(std::find(json.begin(), json.end(), "C_Sign CKR_OK "), json.end());
    const Variable wrong("PKCS11_PROVIDER_DEBUG", "format:xml");
    EXPECT_FALSE(Configured("").signs());
    EXPECT_NE(takeErrors().find("use file:PATH,level:N,format:json"), std::string::npos);
}

std::string namesOf(const p11::pkcs11::RegistrationFolders& folders, const std::string& program) {
    std::string all;
    for (const auto& one : p11::pkcs11::registrations(folders, program))
        all += one.name + "=" + one.file + (one.critical ? "!" : "") + "(" + one.initArgs + ") ";
    return all;
}

TEST(Registration, IsReadAsP11KitReadsIt) {
    const TemporaryFolder place("registration");
    const auto folder = place.path().string();
    const auto write = [&folder](const std::string& name, const std::string& text) {
        std::filesystem::create_directories(
            std::filesystem::path(folder + "/" + name).parent_path());
        std::ofstream(folder + "/" + name) << text;
    };
    const p11::pkcs11::RegistrationFolders folders{
        {folder + "/system", folder + "/package", folder + "/none"}, "/modules"};
    EXPECT_EQ(namesOf(folders, "me"), "");
    write("package/b.module", "# text\n\n  module: b.so\r\nx-init-reserved: a: b\n");
    write("package/a.module", "module: /a.so\ncritical: yes");
    write("package/far.module", "remote: |ssh there\nmodule: far.so\npriority: -1\n");
    write("package/readme.txt", "no configuration");
    EXPECT_EQ(namesOf(folders, "me"), "a=/a.so!() b=/modules/b.so(a: b) far=() ");
    write("system/b.module", "priority: 7\nmodule: c.so\nx-init-reserved:\n");
    write("system/one.module", "module: 1.so\nenable-in: other, me\n");
    write("system/two.module", "module: 2.so\ndisable-in: me other\n");
    EXPECT_EQ(namesOf(folders, "me"), "b=/modules/c.so() a=/a.so!() one=/modules/1.so() far=() ");
    EXPECT_EQ(namesOf(folders, "m"), "b=/modules/c.so() a=/a.so!() two=/modules/2.so() far=() ");
    write("package/wrong.module", "[section]\n");
    EXPECT_THROW(namesOf(folders, "me"), p11::pkcs11::Error);
}

TEST(ModulePolicy, GivesTheFileThatItAllows) {
    const TemporaryFolder place("policy");
    const auto folder = std::filesystem::canonical(place.path()).string();
    for (const auto* name : {"m.so", "pkcs11-spy.so", "libp11-kit.so.0"})
        std::ofstream(folder + "/" + name) << "x";
    const auto link = folder + "-link.so";
    std::filesystem::create_symlink(folder + "/m.so", link);
    const auto resolved = [](const std::vector<std::string>& allowed, const std::string& path) {
        return p11::pkcs11::ModulePolicy(allowed).resolve(path).value_or("no");
    };
    EXPECT_EQ(resolved({folder}, link), folder + "/m.so");
    EXPECT_EQ(resolved({link}, folder + "/m.so"), folder + "/m.so");
    EXPECT_EQ(resolved({}, link), folder + "/m.so");
    EXPECT_EQ(resolved({}, "m.so"), "m.so");
    EXPECT_EQ(resolved({}, folder + "/none.so"), folder + "/none.so");
    for (const auto* path : {"m.so", "", "/none.so", "/"})
        EXPECT_EQ(resolved({folder, "relative", ""}, path), "no") << path;
    // A module that loads others only where it is named itself.
    for (const auto* name : {"/pkcs11-spy.so", "/libp11-kit.so.0"}) {
        EXPECT_EQ(resolved({folder}, folder + name), "no") << name;
        EXPECT_EQ(resolved({folder, folder + name}, folder + name), folder + name);
    }
    std::filesystem::remove(link);
}

} // namespace
