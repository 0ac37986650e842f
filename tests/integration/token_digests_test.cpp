// SPDX-License-Identifier: Apache-2.0
// Digests that a token makes (pkcs11-digest-token), beside OpenSSL's default provider.
#include <cstdlib>
#include <set>
#include <thread>

#include <openssl/core_names.h>
#include <openssl/ssl.h>

#include "agreement.h"
#include "jobs.h"
#include "new_keys.h"

namespace {

using namespace testing_support;

const std::string directive = "pkcs11-digest-token = pkcs11:token=scenarios";
const char* const onToken = "provider=pkcs11";
constexpr std::size_t mostKept = 65536; // bytes; of more the token has a stream

p11::ossl::Md fetch(OSSL_LIB_CTX* libctx, const char* name, const char* query = onToken) {
    return p11::ossl::Md(EVP_MD_fetch(libctx, name, query));
}

bool isOurs(const p11::ossl::Md& md) {
    return md && OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(md.get())) == std::string("pkcs11");
}

p11::ossl::MdCtx begin(const p11::ossl::Md& md) {
    p11::ossl::MdCtx context(EVP_MD_CTX_new());
    if (EVP_DigestInit_ex2(context.get(), md.get(), nullptr) != 1)
        return nullptr;
    return context;
}

bool update(const p11::ossl::MdCtx& context, const Bytes& data) {
    return EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1;
}

/// Empty on failure.
Bytes finish(const p11::ossl::MdCtx& context) {
    Bytes hash(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1)
        return {};
    hash.resize(size);
    return hash;
}

Bytes inSoftware(const char* name, const Bytes& data) {
    Bytes hash(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    EXPECT_EQ(
        EVP_Q_digest(defaultOnly(), name, nullptr, data.data(), data.size(), hash.data(), &size),
        1);
    hash.resize(size);
    return hash;
}

Bytes joined(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

const char* const allNames[] = {"SHA1",     "SHA224",     "SHA256",     "SHA384",
                                "SHA512",   "SHA512-224", "SHA512-256", "SHA3-224",
                                "SHA3-256", "SHA3-384",   "SHA3-512"};

class TokenDigests : public ::testing::Test {
  protected:
    void TearDown() override {
        noFaults();
        module().configure(nullptr, nullptr);
        takeErrors();
    }
    p11::ossl::MdCtx begin256() const { return begin(sha256); }

    const ConfiguredContext configured{directive};
    const p11::ossl::Md sha256 = fetch(configured.get(), "SHA256");
    const Bytes data = randomBytes(1000);
    const Bytes longData = randomBytes(mostKept + 1);
};

/// Which of all names the token hashes; the others are refused with a message.
std::set<std::string> hashedBy(OSSL_LIB_CTX* libctx) {
    std::set<std::string> taken;
    for (const char* name : allNames) {
        const auto md = fetch(libctx, name);
        EXPECT_TRUE(isOurs(md)) << name << takeErrors();
        if (!begin(md)) {
            const auto errors = takeErrors();
            EXPECT_TRUE(contains(errors, " has no digest SHA")) << name << errors;
            continue;
        }
        taken.insert(name);
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{200}, mostKept,
                                       mostKept + 1, 3 * mostKept + 5}) {
            const auto data = randomBytes(size);
            const auto context = begin(md);
            EXPECT_TRUE(update(context, data)) << name << size << takeErrors();
            EXPECT_EQ(finish(context), inSoftware(name, data)) << name << size << takeErrors();
        }
    }
    return taken;
}

TEST_F(TokenDigests, AreThoseOfTheDefaultProvider) {
    EXPECT_EQ(hashedBy(configured.get()),
              (std::set<std::string>{"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"}));
}

TEST_F(TokenDigests, HaveTheNamesAndParametersOfTheDefaultProvider) {
    for (const char* name : allNames) {
        const auto ours = fetch(configured.get(), name);
        const auto theirs = fetch(defaultOnly(), name, nullptr);
        ASSERT_TRUE(ours && theirs) << name;
        EXPECT_EQ(EVP_MD_get_size(ours.get()), EVP_MD_get_size(theirs.get())) << name;
        EXPECT_EQ(EVP_MD_get_block_size(ours.get()), EVP_MD_get_block_size(theirs.get())) << name;
        EXPECT_EQ(EVP_MD_get_type(ours.get()), EVP_MD_get_type(theirs.get())) << name;
        EXPECT_EQ(EVP_MD_get_flags(ours.get()), EVP_MD_get_flags(theirs.get())) << name;
        EVP_MD_names_do_all(
            theirs.get(),
            [](const char* alias, void* md) {
                EXPECT_EQ(EVP_MD_is_a(static_cast<EVP_MD*>(md), alias), 1) << alias;
            },
            ours.get());
    }
}

TEST_F(TokenDigests, CostTwoCallsWithoutALogin) {
    for (int round = 0; round < 3; ++round) {
        const CallCounter calls;
        const auto context = begin256();
        for (int part = 0; part < 10; ++part)
            ASSERT_TRUE(update(context, data)) << takeErrors();
        EXPECT_FALSE(finish(context).empty()) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 0U);
        EXPECT_TRUE(round == 0 || calls.log() == "C_Digest 1\nC_DigestInit 1\n") << calls.log();
    }
}

// tpm2-pkcs11 does not hash before a login.
TEST_F(TokenDigests, LogInIfTheTokenInsists) {
    const ConfiguredContext withPin(directive + "?pin-value=1234");
    const auto md = fetch(withPin.get(), "SHA256");
    const auto loginsBefore = module().logins(CKR_OK);
    for (const auto* message : {&data, &longData}) {
        fault("C_DigestInit", "1", CKR_USER_NOT_LOGGED_IN);
        const CallCounter calls;
        const auto context = begin(md);
        ASSERT_TRUE(update(context, *message)) << takeErrors();
        EXPECT_EQ(finish(context), inSoftware("SHA256", *message)) << takeErrors();
        EXPECT_LE(calls.of("C_Login"), 1U) << calls.log();
        noFaults();
    }
    EXPECT_EQ(module().logins(CKR_OK), loginsBefore + 1);
}

TEST_F(TokenDigests, SayThatAPinIsMissing) {
    const auto context = begin256();
    ASSERT_TRUE(update(context, data));
    fault("C_DigestInit", "1+", CKR_USER_NOT_LOGGED_IN);
    EXPECT_TRUE(finish(context).empty());
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "PIN")) << errors;
}

TEST_F(TokenDigests, OfLongDataAreStreamedInOneSession) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    const CallCounter calls;
    const auto context = begin256();
    Bytes all;
    for (int part = 0; part < 300; ++part) {
        ASSERT_TRUE(update(context, data)) << takeErrors();
        all = joined(std::move(all), data);
    }
    EXPECT_EQ(finish(context), inSoftware("SHA256", all));
    EXPECT_EQ(calls.log(), "C_DigestFinal 1\nC_DigestInit 1\nC_DigestUpdate 5\n");
    EXPECT_EQ(module().openSessions(), 1U);
}

TEST_F(TokenDigests, AreStartedAgainAtAnyTime) {
    const auto context = begin256();
    for (const auto* dropped : {&data, &longData}) {
        ASSERT_TRUE(update(context, *dropped)) << takeErrors();
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
        ASSERT_TRUE(update(context, data)) << takeErrors();
        const CallCounter calls;
        EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << takeErrors();
        EXPECT_EQ(calls.of("C_DigestInit"), 1U) << "not in a session that is busy";
        EXPECT_TRUE(finish(context).empty()) << "twice";
        EXPECT_FALSE(update(context, data)) << "after the end";
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
        EXPECT_EQ(finish(context), inSoftware("SHA256", {})) << takeErrors();
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
    }
    EXPECT_EQ(EVP_MD_CTX_reset(context.get()), 1);
    ASSERT_EQ(EVP_DigestInit_ex2(context.get(), fetch(configured.get(), "SHA1").get(), nullptr), 1);
    EXPECT_EQ(finish(context), inSoftware("SHA1", {})) << takeErrors();
}

TEST_F(TokenDigests, AreCopiedAsLongAsTheHostHasTheData) {
    const auto context = begin256();
    ASSERT_TRUE(update(context, data)) << takeErrors();
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1) << takeErrors();
    const Bytes other = randomBytes(70000);
    ASSERT_TRUE(update(copy, other)) << takeErrors();
    EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << takeErrors();
    EXPECT_EQ(finish(copy), inSoftware("SHA256", joined(data, other))) << takeErrors();
}

// SoftHSM has no C_GetOperationState.
TEST_F(TokenDigests, OfLongDataAreNotCopiedIfTheTokenCannot) {
    const auto context = begin256();
    ASSERT_TRUE(update(context, longData)) << takeErrors();
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    EXPECT_NE(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1);
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "cannot copy the digest of so much data: C_GetOperationState "
                                 "answered CKR_FUNCTION_NOT_SUPPORTED"))
        << errors;
    EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
}

TEST_F(TokenDigests, GoOnInAnotherThread) {
    for (const auto* first : {&data, &longData}) {
        const auto context = begin256();
        ASSERT_TRUE(update(context, *first)) << takeErrors();
        Bytes hash;
        std::thread([&] {
            EXPECT_TRUE(update(context, data)) << takeErrors();
            hash = finish(context);
        }).join();
        EXPECT_EQ(hash, inSoftware("SHA256", joined(*first, data)));
    }
}

TEST_F(TokenDigests, OfManyThreadsAreTheirOwn) {
    std::atomic<int> good{0};
    inThreads(8, [&](int number) {
        for (int round = 0; round < 10; ++round) {
            const auto message = randomBytes(number % 2 == 0 ? 500 : 100000);
            const auto context = begin256();
            good += context && update(context, message) &&
                            finish(context) == inSoftware("SHA256", message)
                        ? 1
                        : 0;
        }
    });
    EXPECT_EQ(good, 80) << takeErrors();
}

TEST_F(TokenDigests, AreRepeatedAfterALossAsLongAsTheHostHasTheData) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    for (const char* function : {"C_DigestInit", "C_Digest"}) {
        fault(function, "1", CKR_SESSION_HANDLE_INVALID);
        const auto context = begin256();
        ASSERT_TRUE(update(context, data));
        EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << function << takeErrors();
    }
    fault("C_DigestUpdate", "1", CKR_DEVICE_ERROR);
    const auto context = begin256();
    EXPECT_TRUE(update(context, longData)) << takeErrors();
    EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
}

TEST_F(TokenDigests, OfLongDataEndWithTheirSession) {
    for (const char* function : {"C_DigestUpdate", "C_DigestFinal"}) {
        const auto context = begin256();
        ASSERT_TRUE(update(context, longData)) << takeErrors();
        fault(function, "1", CKR_SESSION_CLOSED);
        EXPECT_TRUE(finish(context).empty()) << function;
        const auto errors = takeErrors();
        EXPECT_TRUE(contains(errors, "the digest was lost with its session, start a new one"))
            << errors;
        EXPECT_TRUE(finish(context).empty()) << "nothing is left to be finished";
        EXPECT_FALSE(update(context, data));
        takeErrors();
        noFaults();
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
        ASSERT_TRUE(update(context, longData));
        EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
    }
}

TEST_F(TokenDigests, ThatFailGiveTheirSessionsBack) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    for (const char* function : {"C_DigestUpdate", "C_DigestFinal"}) {
        const auto context = begin256();
        ASSERT_TRUE(update(context, longData)) << takeErrors();
        fault(function, "1", CKR_FUNCTION_FAILED);
        const CallCounter calls;
        EXPECT_TRUE(finish(context).empty()) << function;
        EXPECT_EQ(calls.of("C_CloseSession"), 1U) << "while the context is still there";
        noFaults();
        EXPECT_TRUE(contains(takeErrors(), "CKR_FUNCTION_FAILED"));
        EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    }
}

// Another part of the program closes all sessions, as a lost token does.
TEST_F(TokenDigests, SurviveTheEndOfTheTokensSessions) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    const auto kept = begin256();
    ASSERT_TRUE(update(kept, data));
    const auto streamed = begin256();
    ASSERT_TRUE(update(streamed, longData));
    ASSERT_EQ(moduleFunctions()->C_CloseAllSessions(tokenWriter("scenarios").slot()), CKR_OK);
    EXPECT_EQ(finish(kept), inSoftware("SHA256", data)) << takeErrors();
    EXPECT_TRUE(finish(streamed).empty());
    EXPECT_TRUE(contains(takeErrors(), "the digest was lost with its session"));
}

TEST_F(TokenDigests, TheTokensErrorIsTold) {
    const auto context = begin256();
    ASSERT_TRUE(update(context, data));
    fault("C_DigestInit", "1+", CKR_MECHANISM_INVALID);
    EXPECT_TRUE(finish(context).empty());
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "C_DigestInit answered CKR_MECHANISM_INVALID")) << errors;
}

TEST_F(TokenDigests, HoldNoSessionUnlessTheyAreStreamed) {
    configureModule("PKCS11_TEST_MAX_SESSIONS", "2");
    std::vector<p11::ossl::MdCtx> contexts;
    for (int i = 0; i < 20; ++i) {
        contexts.push_back(begin256());
        ASSERT_TRUE(update(contexts.back(), data)) << takeErrors();
    }
    ASSERT_TRUE(update(contexts.front(), longData)) << takeErrors();
    for (const auto& context : contexts)
        EXPECT_FALSE(finish(context).empty()) << takeErrors();
    const auto dropped = begin256();
    ASSERT_TRUE(update(dropped, longData)) << takeErrors();
    ASSERT_EQ(EVP_DigestInit_ex2(dropped.get(), nullptr, nullptr), 1);
    const auto another = begin256();
    EXPECT_TRUE(update(another, longData)) << "its session is free again" << takeErrors();
}

TEST_F(TokenDigests, ForkEndsStreamsOfTheChildAlone) {
    const auto kept = begin256();
    ASSERT_TRUE(update(kept, data)) << takeErrors();
    const auto streamed = begin256();
    ASSERT_TRUE(update(streamed, longData)) << takeErrors();
    EXPECT_EQ(inChild([&] {
                  EXPECT_EQ(finish(kept), inSoftware("SHA256", data)) << takeErrors();
                  EXPECT_TRUE(finish(streamed).empty());
                  EXPECT_TRUE(contains(takeErrors(), "the digest was lost with its session"));
                  const auto fresh = begin256();
                  return update(fresh, longData) && finish(fresh) == inSoftware("SHA256", longData);
              }),
              0);
    EXPECT_EQ(finish(kept), inSoftware("SHA256", data)) << takeErrors();
    EXPECT_EQ(finish(streamed), inSoftware("SHA256", longData)) << takeErrors();
}

TEST_F(TokenDigests, OfTwoLibraryContextsAreIndependent) {
    const auto first = begin256();
    ASSERT_TRUE(update(first, longData));
    {
        const ConfiguredContext other(directive);
        const auto second = begin(fetch(other.get(), "SHA256"));
        ASSERT_TRUE(update(second, longData)) << takeErrors();
        EXPECT_EQ(finish(second), inSoftware("SHA256", longData)) << takeErrors();
        EXPECT_FALSE(finish(begin(fetch(other.get(), "SHA1"))).empty()) << takeErrors();
    }
    EXPECT_EQ(finish(first), inSoftware("SHA256", longData)) << takeErrors();
}

// HMAC copies contexts of the digest.
TEST_F(TokenDigests, AreUsedByHmac) {
    const auto mac = [](OSSL_LIB_CTX* libctx, std::string query) {
        std::string digest = "SHA256";
        const std::array params{OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
                                OSSL_PARAM_construct_utf8_string("properties", query.data(), 0),
                                OSSL_PARAM_construct_end()};
        Bytes result(32);
        std::size_t size = 0;
        const Bytes key(40, 7), message(300, 8);
        return EVP_Q_mac(libctx, "HMAC", nullptr, nullptr, params.data(), key.data(), key.size(),
                         message.data(), message.size(), result.data(), result.size(),
                         &size) != nullptr
                   ? result
                   : Bytes{};
    };
    const CallCounter calls;
    EXPECT_EQ(mac(configured.get(), onToken), mac(defaultOnly(), "provider=default"))
        << takeErrors();
    EXPECT_EQ(calls.of("C_Digest"), 2U) << calls.log();
}

TEST_F(TokenDigests, AreMadeByAWorkerInsideAnAsyncJob) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    const auto context = begin256();
    ASSERT_TRUE(update(context, data)) << takeErrors();
    Bytes hash;
    Job job([&] {
        hash = finish(context);
        return true;
    });
    ASSERT_EQ(module().setGate("C_Digest", 2), CKR_OK);
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_EQ(module().setGate("C_Digest", 0), CKR_OK);
    EXPECT_TRUE(job.finish());
    EXPECT_EQ(hash, inSoftware("SHA256", data)) << takeErrors();
}

// Nobody takes a digest that did not ask.
TEST(TokenDigestsOff, UnlessADirectiveNamesAToken) {
    const ConfiguredContext configured("", Order::providerFirst);
    EXPECT_FALSE(fetch(configured.get(), "SHA256"));
    takeErrors();
    EXPECT_FALSE(isOurs(fetch(configured.get(), "SHA256", nullptr)));
    EXPECT_FALSE(isOurs(fetch(configured.get(), "SHA256", "?provider=pkcs11")));
}

TEST(TokenDigestsOff, IfTheOperationIsBlocked) {
    const ConfiguredContext configured(directive + "\npkcs11-module-block-operations = digest");
    EXPECT_FALSE(fetch(configured.get(), "SHA256"));
    takeErrors();
}

TEST(TokenDigestsOff, WithoutAQueryIfAnotherProviderIsFirst) {
    const ConfiguredContext configured(directive);
    EXPECT_FALSE(isOurs(fetch(configured.get(), "SHA256", nullptr)));
    EXPECT_TRUE(isOurs(fetch(configured.get(), "SHA256")));
}

TEST(TokenDigestsOff, IfTheUriFitsSeveralTokensOrNone) {
    for (const auto& [uri, message] :
         {std::pair("pkcs11:", "scenarios"), std::pair("pkcs11:token=nosuch", "nosuch")}) {
        const ConfiguredContext configured(std::string("pkcs11-digest-token = ") + uri);
        const auto md = fetch(configured.get(), "SHA256");
        ASSERT_TRUE(isOurs(md));
        EXPECT_FALSE(begin(md));
        const auto errors = takeErrors();
        EXPECT_TRUE(contains(errors, message)) << errors;
    }
    const ConfiguredContext configured("pkcs11-digest-token = scenarios");
    EXPECT_FALSE(begin(fetch(configured.get(), "SHA256")));
    EXPECT_TRUE(contains(takeErrors(), "use a pkcs11: URI"));
}

// The token is slow, and may be another one than the key's. With this provider before `default`,
// even a fetch without a query would take it.
TEST(TokenDigestsOff, ForTheProvidersOwnHashing) {
    EXPECT_EQ(
        inChild([] {
            const ConfiguredContext configured(directive, Order::providerFirst);
            OSSL_LIB_CTX_set0_default(configured.get());
            EXPECT_TRUE(isOurs(fetch(configured.get(), "SHA256", nullptr)));
            const auto key = load(configured.get(), uriOf("rsa"));
            const auto ecKey = load(configured.get(), uriOf("ec256"));
            const CallCounter calls;
            const Bytes message(100, 5);
            Bytes signature(256);
            std::size_t size = signature.size();
            const p11::ossl::MdCtx signer(EVP_MD_CTX_new());
            EVP_PKEY_CTX* options = nullptr;
            EXPECT_EQ(EVP_DigestSignInit_ex(signer.get(), &options, "SHA256", configured.get(),
                                            nullptr, key.get(), nullptr),
                      1);
            EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
            EXPECT_EQ(EVP_DigestSign(signer.get(), signature.data(), &size, message.data(),
                                     message.size()),
                      1)
                << takeErrors();
            const p11::ossl::MdCtx verifier(EVP_MD_CTX_new());
            EXPECT_EQ(EVP_DigestVerifyInit_ex(verifier.get(), &options, "SHA256", configured.get(),
                                              onToken, key.get(), nullptr),
                      1);
            EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
            EXPECT_EQ(EVP_DigestVerify(verifier.get(), signature.data(), size, message.data(),
                                       message.size()),
                      1)
                << takeErrors();
            for (const int padding : {RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING}) {
                const p11::ossl::PkeyCtx context(
                    EVP_PKEY_CTX_new_from_pkey(configured.get(), key.get(), onToken));
                Bytes ciphertext(256);
                Bytes plain(256);
                size = ciphertext.size();
                std::size_t plainSize = plain.size();
                EXPECT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
                EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), padding), 1);
                EXPECT_EQ(EVP_PKEY_encrypt(context.get(), ciphertext.data(), &size, message.data(),
                                           message.size()),
                          1)
                    << takeErrors();
                ciphertext.resize(size);
                EXPECT_EQ(EVP_PKEY_decrypt_init(context.get()), 1);
                EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), padding), 1);
                EXPECT_EQ(EVP_PKEY_decrypt(context.get(), plain.data(), &plainSize,
                                           ciphertext.data(), ciphertext.size()),
                          1)
                    << takeErrors();
            }
            const p11::ossl::PkeyCtx agreement(
                EVP_PKEY_CTX_new_from_pkey(configured.get(), ecKey.get(), nullptr));
            const auto peer = publicKeyFromFile("ec256");
            Bytes secret(48);
            size = secret.size();
            EXPECT_EQ(EVP_PKEY_derive_init(agreement.get()), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_type(agreement.get(), EVP_PKEY_ECDH_KDF_X9_63), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_md(agreement.get(), EVP_sha256()), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_outlen(agreement.get(), 48), 1);
            EXPECT_EQ(EVP_PKEY_derive_set_peer(agreement.get(), peer.get()), 1);
            EXPECT_EQ(EVP_PKEY_derive(agreement.get(), secret.data(), &size), 1) << takeErrors();
            EXPECT_EQ(calls.of("C_DigestInit"), 0U) << calls.log();
            return true;
        }),
        0);
}

// SoftHSM hashes with the default library context's own digests, which are the token's here.
TEST(TokenDigestsOff, ForAModuleThatAsksBack) {
    EXPECT_EQ(inChild([] {
                  const ConfiguredContext configured(directive, Order::providerFirst);
                  OSSL_LIB_CTX_set0_default(configured.get());
                  const auto md = fetch(configured.get(), "SHA256", nullptr);
                  EXPECT_TRUE(isOurs(md));
                  for (const std::size_t size : {std::size_t{10}, mostKept + 1}) {
                      const auto message = randomBytes(size);
                      const auto context = begin(md);
                      EXPECT_TRUE(context && update(context, message)) << takeErrors();
                      EXPECT_EQ(finish(context), inSoftware("SHA256", message)) << takeErrors();
                  }
                  return true;
              }),
              0);
}

/// NSS softokn's token without keys. It has C_GetOperationState and, since NSS 3.91, SHA-3.
class NssDigests : public ::testing::Test {
  protected:
    // The system's own, wherever it is.
    static std::string module() {
        void* library = dlopen("libsoftokn3.so", RTLD_NOW);
        Dl_info info{};
        const bool isFound =
            library != nullptr && dladdr(dlsym(library, "C_GetFunctionList"), &info) != 0;
        EXPECT_TRUE(isFound) << dlerror();
        return isFound ? info.dli_fname : "";
    }
    static std::unique_ptr<ConfiguredContext> make(const std::string& more) {
        const auto folder = scratch("nss-digests");
        std::filesystem::create_directory(folder);
        const std::string before = getenv("PKCS11_PROVIDER_MODULE");
        unsetenv("PKCS11_PROVIDER_MODULE"); // else it comes before the directive
        auto made = std::make_unique<ConfiguredContext>(
            "pkcs11-module-path = " + module() +
            "\npkcs11-module-init-args = configDir='sql:" + folder.string() +
            "' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\n"
            "pkcs11-digest-token = pkcs11:token=NSS%20Generic%20Crypto%20Services\n" +
            more);
        setenv("PKCS11_PROVIDER_MODULE", before.c_str(), 1);
        return made;
    }
    const Bytes longData = randomBytes(2 * mostKept + 1);
};

TEST_F(NssDigests, AreThoseOfTheDefaultProvider) {
    const auto configured = make("");
    const auto taken = hashedBy(configured->get());
    for (const char* name : {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"})
        EXPECT_TRUE(taken.contains(name)) << name;
    EXPECT_EQ(taken.size(), taken.contains("SHA3-256") ? 9U : 5U);
}

TEST_F(NssDigests, OfLongDataAreCopiedByTheToken) {
    const auto configured = make("");
    const auto context = begin(fetch(configured->get(), "SHA256"));
    ASSERT_TRUE(update(context, longData)) << takeErrors();
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1) << takeErrors();
    const Bytes other = randomBytes(10);
    ASSERT_TRUE(update(copy, other)) << takeErrors();
    EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
    EXPECT_EQ(finish(copy), inSoftware("SHA256", joined(longData, other))) << takeErrors();
}

TEST_F(NssDigests, AreNotCopiedByTheTokenWithTheQuirk) {
    const auto configured = make("pkcs11-module-quirks = no-operation-state");
    const auto context = begin(fetch(configured->get(), "SHA256"));
    ASSERT_TRUE(update(context, longData)) << takeErrors();
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    EXPECT_NE(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1);
    EXPECT_TRUE(contains(takeErrors(), "the quirk no-operation-state is set"));
    EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
}

} // namespace
