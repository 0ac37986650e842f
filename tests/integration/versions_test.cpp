// SPDX-License-Identifier: Apache-2.0
// What OpenSSL has only since 3.2, 3.4 and 3.5, found in the libcrypto that this runs with; and
// what the tables offer to every version.
#include <sstream>

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/provider.h>

#include "fixture.h"
#include "newer.h"
#include "provider_file.h"

namespace {

using namespace testing_support;
using Signature = p11::ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free>;

// OpenSSL 3.4
struct MessageFunctions {
    using Init = int(EVP_PKEY_CTX*, EVP_SIGNATURE*, const OSSL_PARAM*);
    using Update = int(EVP_PKEY_CTX*, const unsigned char*, std::size_t);
    Init* signInit = newer<Init>("EVP_PKEY_sign_message_init");
    Update* signUpdate = newer<Update>("EVP_PKEY_sign_message_update");
    int (*signFinal)(EVP_PKEY_CTX*, unsigned char*, std::size_t*) =
        newer<int(EVP_PKEY_CTX*, unsigned char*, std::size_t*)>("EVP_PKEY_sign_message_final");
    Init* signHashInit = newer<Init>("EVP_PKEY_sign_init_ex2");
    Init* verifyInit = newer<Init>("EVP_PKEY_verify_message_init");
    Update* verifyUpdate = newer<Update>("EVP_PKEY_verify_message_update");
    int (*verifyFinal)(EVP_PKEY_CTX*) = newer<int(EVP_PKEY_CTX*)>("EVP_PKEY_verify_message_final");
    Update* setSignature = newer<Update>("EVP_PKEY_CTX_set_signature");
};

class Messages : public ::testing::Test {
  protected:
    void SetUp() override {
        if (evp.signInit == nullptr)
            GTEST_SKIP() << "OpenSSL has signatures of messages since 3.4";
    }
    Signature fetch(const char* name) const {
        return Signature(EVP_SIGNATURE_fetch(instance.get(), name, "provider=pkcs11"));
    }
    p11::ossl::PkeyCtx contextOf(EVP_PKEY* key) const {
        return p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    }
    Bytes finish(EVP_PKEY_CTX* context) const {
        std::size_t size = 0;
        EXPECT_EQ(evp.signFinal(context, nullptr, &size), 1) << takeErrors();
        Bytes signature(size);
        EXPECT_EQ(evp.signFinal(context, signature.data(), &size), 1) << takeErrors();
        signature.resize(size);
        return signature;
    }
    Bytes signAtOnce(EVP_PKEY_CTX* context, const Bytes& tbs) const {
        std::size_t size = 0;
        EXPECT_EQ(EVP_PKEY_sign(context, nullptr, &size, tbs.data(), tbs.size()), 1)
            << takeErrors();
        Bytes signature(size);
        if (EVP_PKEY_sign(context, signature.data(), &size, tbs.data(), tbs.size()) != 1)
            return {};
        signature.resize(size);
        return signature;
    }

    MessageFunctions evp;
    Instance instance;
    Bytes data = randomBytes(1000);
};

struct Named {
    const char* algorithm;
    const char* key;
    const char* digest;
};

constexpr Named named[] = {{"RSA-SHA256", "rsa", "SHA256"},
                           {"sha512WithRSAEncryption", "rsa", "SHA512"},
                           {"RSA-SHA2-512/256", "rsa", "SHA2-512/256"},
                           {"RSA-RIPEMD160", "rsa", "RIPEMD160"},
                           {"1.2.840.10045.4.3.2", "ec256", "SHA256"},
                           {"ECDSA-SHA3-384", "ec384", "SHA3-384"}};

TEST_F(Messages, InPartsTakeTwoCallsAndTheDefaultProviderVerifiesThem) {
    for (const auto& [name, label, digest] : named) {
        const auto key = loadPrivate(instance, label);
        const auto algorithm = fetch(name);
        ASSERT_TRUE(algorithm) << name;
        const auto context = contextOf(key.get());
        ASSERT_EQ(evp.signInit(context.get(), algorithm.get(), nullptr), 1) << takeErrors();
        const CallCounter calls;
        ASSERT_EQ(evp.signUpdate(context.get(), data.data(), 400), 1) << takeErrors();
        ASSERT_EQ(evp.signUpdate(context.get(), data.data() + 400, data.size() - 400), 1);
        const auto signature = finish(context.get());
        EXPECT_EQ(calls.of("C_SignInit"), 1U) << calls.log();
        EXPECT_EQ(calls.of("C_Sign"), 1U) << calls.log();
        EXPECT_TRUE(verify(label, signature, data, digest)) << name;
    }
}

TEST_F(Messages, SteadyStateIsTwoCalls) {
    const auto key = loadPrivate(instance, "rsa");
    const auto algorithm = fetch("RSA-SHA256");
    const auto context = contextOf(key.get());
    for (int i = 0; i < 3; ++i) {
        const CallCounter calls;
        ASSERT_EQ(evp.signInit(context.get(), algorithm.get(), nullptr), 1) << takeErrors();
        const auto signature = signAtOnce(context.get(), data);
        EXPECT_TRUE(verify("rsa", signature, data));
        EXPECT_TRUE(i < usesUntilSteady || calls.total() == 2) << calls.log();
    }
}

TEST_F(Messages, CopiesOfAContextGoOnByThemselves) {
    const auto key = loadPrivate(instance, "ec256");
    const auto algorithm = fetch("ECDSA-SHA256");
    const auto context = contextOf(key.get());
    ASSERT_EQ(evp.signInit(context.get(), algorithm.get(), nullptr), 1);
    ASSERT_EQ(evp.signUpdate(context.get(), data.data(), data.size()), 1);
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    ASSERT_TRUE(copy) << takeErrors();
    ASSERT_EQ(evp.signUpdate(copy.get(), data.data(), data.size()), 1);
    EXPECT_TRUE(verify("ec256", finish(context.get()), data));
    auto twice = data;
    twice.insert(twice.end(), data.begin(), data.end());
    EXPECT_TRUE(verify("ec256", finish(copy.get()), twice));
}

TEST_F(Messages, HashesAreSignedByTheSameAlgorithms) {
    const auto key = loadPrivate(instance, "rsa");
    const auto algorithm = fetch("RSA-SHA256");
    const auto context = contextOf(key.get());
    ASSERT_EQ(evp.signHashInit(context.get(), algorithm.get(), nullptr), 1) << takeErrors();
    Bytes hash(32);
    ASSERT_EQ(
        EVP_Q_digest(nullptr, "SHA256", nullptr, data.data(), data.size(), hash.data(), nullptr),
        1);
    EXPECT_TRUE(verify("rsa", signAtOnce(context.get(), hash), data));
    hash.resize(20);
    EXPECT_TRUE(signAtOnce(context.get(), hash).empty());
    EXPECT_NE(takeErrors().find("20 bytes"), std::string::npos);
}

TEST_F(Messages, VerificationComparesWithTheSignatureThatWasSet) {
    for (const auto& [name, label, digest] : named) {
        const auto key = loadPrivate(instance, label);
        auto signature = sign(instance, key.get(), data, digest);
        const auto algorithm = fetch(name);
        const auto context = contextOf(key.get());
        for (const bool good : {true, false}) {
            signature.back() ^= good ? 0 : 1;
            ASSERT_EQ(evp.verifyInit(context.get(), algorithm.get(), nullptr), 1) << takeErrors();
            ASSERT_EQ(evp.setSignature(context.get(), signature.data(), signature.size()), 1)
                << takeErrors();
            ASSERT_EQ(evp.verifyUpdate(context.get(), data.data(), data.size()), 1);
            EXPECT_EQ(evp.verifyFinal(context.get()) == 1, good) << name;
            ASSERT_EQ(evp.verifyInit(context.get(), algorithm.get(), nullptr), 1);
            EXPECT_EQ(EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                      data.data(), data.size()) == 1,
                      good)
                << name;
        }
        takeErrors();
        ASSERT_EQ(evp.verifyInit(context.get(), algorithm.get(), nullptr), 1);
        ASSERT_EQ(evp.verifyUpdate(context.get(), data.data(), data.size()), 1);
        EXPECT_NE(evp.verifyFinal(context.get()), 1);
        EXPECT_NE(takeErrors().find("there is no signature to verify"), std::string::npos);
    }
}

TEST_F(Messages, EdwardsKeysSignWholeMessagesOnly) {
    const auto key = loadPrivate(instance, "ed25519");
    const auto algorithm = fetch("ED25519");
    const auto context = contextOf(key.get());
    ASSERT_EQ(evp.signInit(context.get(), algorithm.get(), nullptr), 1) << takeErrors();
    const auto signature = signAtOnce(context.get(), data);
    EXPECT_TRUE(verify("ed25519", signature, data, nullptr));
    ASSERT_EQ(evp.verifyInit(context.get(), algorithm.get(), nullptr), 1) << takeErrors();
    EXPECT_EQ(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), data.data(),
                              data.size()),
              1);
}

TEST_F(Messages, KeysOfAnotherTypeAreRefused) {
    const auto algorithm = fetch("RSA-SHA256");
    for (const auto& label : {uriOf("ec256"), uriOf("pssonly") + "&x-key-type=RSA-PSS"}) {
        const auto key = load(instance, label);
        const auto context = contextOf(key.get());
        EXPECT_NE(evp.signInit(context.get(), algorithm.get(), nullptr), 1) << label;
        EXPECT_NE(takeErrors(), "") << label;
    }
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_EQ(evp.signInit(contextOf(key.get()).get(), algorithm.get(), nullptr), 1)
        << takeErrors();
}

// OpenSSL 3.5
class DirectivesByApi : public ::testing::Test {
  protected:
    void SetUp() override {
        if (add_ == nullptr)
            GTEST_SKIP() << "OpenSSL takes directives by API since 3.5";
    }
    bool add(const char* name, const char* value) const {
        return add_(provider_.get(), name, value) == 1;
    }
    const Instance instance_;

  private:
    using Add = int(OSSL_PROVIDER*, const char*, const char*);
    Add* add_ = newer<Add>("OSSL_PROVIDER_add_conf_parameter");
    const p11::ossl::Provider provider_{OSSL_PROVIDER_load(instance_.get(), "pkcs11")};
};

TEST_F(DirectivesByApi, ReachTheProviderAfterItWasLoaded) {
    // Algorithms were fetched before.
    const Signature fetched(EVP_SIGNATURE_fetch(instance_.get(), "RSA", "provider=pkcs11"));
    EXPECT_TRUE(fetched);
    ASSERT_TRUE(add("pkcs11-module-token-pin", "1234"));
    EXPECT_TRUE(load(instance_, "pkcs11:token=scenarios;object=rsa;type=private")) << takeErrors();
}

// OpenSSL 3.2
TEST(DirectivesByLoadEx, ReachTheProviderWhileItIsLoaded) {
    auto* const loadWith =
        newer<OSSL_PROVIDER*(OSSL_LIB_CTX*, const char*, OSSL_PARAM*)>("OSSL_PROVIDER_load_ex");
    if (loadWith == nullptr)
        GTEST_SKIP() << "OpenSSL loads providers with parameters since 3.2";
    const p11::ossl::LibCtx libctx(OSSL_LIB_CTX_new());
    const std::string file = providerFile();
    OSSL_PROVIDER_set_default_search_path(libctx.get(), file.substr(0, file.rfind('/')).c_str());
    char pin[] = "1234";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("pkcs11-module-token-pin", pin, 0),
                           OSSL_PARAM_construct_end()};
    const p11::ossl::Provider standard(OSSL_PROVIDER_load(libctx.get(), "default"));
    const p11::ossl::Provider provider(loadWith(libctx.get(), "pkcs11", params));
    ASSERT_TRUE(provider) << takeErrors();
    EXPECT_TRUE(load(libctx.get(), "pkcs11:token=scenarios;object=rsa;type=private"))
        << takeErrors();
}

// Any version

template <typename Method, auto Fetch, auto Free>
bool fetches(OSSL_LIB_CTX* libctx, const std::string& name, const char* properties) {
    const p11::ossl::Owner<Method, Free> method(Fetch(libctx, name.c_str(), properties));
    return method != nullptr;
}

struct Operation {
    int id;
    bool (*fetches)(OSSL_LIB_CTX*, const std::string&, const char*);
};

constexpr Operation operations[] = {
    {OSSL_OP_KEYMGMT, fetches<EVP_KEYMGMT, EVP_KEYMGMT_fetch, EVP_KEYMGMT_free>},
    {OSSL_OP_SIGNATURE, fetches<EVP_SIGNATURE, EVP_SIGNATURE_fetch, EVP_SIGNATURE_free>},
    {OSSL_OP_ASYM_CIPHER, fetches<EVP_ASYM_CIPHER, EVP_ASYM_CIPHER_fetch, EVP_ASYM_CIPHER_free>},
    {OSSL_OP_KEYEXCH, fetches<EVP_KEYEXCH, EVP_KEYEXCH_fetch, EVP_KEYEXCH_free>},
    {OSSL_OP_STORE, fetches<OSSL_STORE_LOADER, OSSL_STORE_LOADER_fetch, OSSL_STORE_LOADER_free>},
    {OSSL_OP_ENCODER, fetches<OSSL_ENCODER, OSSL_ENCODER_fetch, OSSL_ENCODER_free>},
    {OSSL_OP_DECODER, fetches<OSSL_DECODER, OSSL_DECODER_fetch, OSSL_DECODER_free>}};

// OpenSSL drops an algorithm whose functions do not go together, and says so to nobody.
TEST(Tables, EveryAlgorithmIsFetchedByEachOfItsNames) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        const p11::ossl::Provider provider(OSSL_PROVIDER_load(instance.get(), "pkcs11"));
        for (const auto& operation : operations) {
            int noCache = 0;
            const auto* list =
                OSSL_PROVIDER_query_operation(provider.get(), operation.id, &noCache);
            ASSERT_NE(list, nullptr) << operation.id;
            for (const auto* entry = list; entry->algorithm_names != nullptr; ++entry) {
                std::istringstream names(entry->algorithm_names);
                for (std::string name; std::getline(names, name, ':');)
                    EXPECT_TRUE(operation.fetches(instance.get(), name, entry->property_definition))
                        << operation.id << " " << name << ": " << takeErrors();
            }
            OSSL_PROVIDER_unquery_operation(provider.get(), operation.id, list);
        }
    }
}

TEST(Tables, TheSelfTestKeepsTheAlgorithms) {
    const Instance instance;
    const p11::ossl::Provider provider(OSSL_PROVIDER_load(instance.get(), "pkcs11"));
    EXPECT_EQ(OSSL_PROVIDER_self_test(provider.get()), 1) << takeErrors();
    const auto key = loadPrivate(instance, "ec256");
    const auto data = randomBytes(100);
    EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data));
}

} // namespace
