// Key pairs that are made on a token, stored on it, and deleted from it.
#include <atomic>
#include <thread>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "agreement.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

using Settings = std::vector<std::pair<const char*, std::string>>;

std::string place(const std::string& label, const std::string& more = "") {
    return "pkcs11:token=scenarios;object=" + label + more + "?pin-value=1234";
}

ossl::Params paramsOf(const Settings& settings) {
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    for (const auto& [name, value] : settings)
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), name, value.c_str(), 0);
    return ossl::Params(OSSL_PARAM_BLD_to_param(builder.get()));
}

ossl::Pkey generate(const Instance& instance, const char* type, const Settings& settings) {
    const ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_name(instance.get(), type, "provider=pkcs11"));
    const auto params = paramsOf(settings);
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_params(context.get(), params.get()) != 1 ||
        EVP_PKEY_generate(context.get(), &key) != 1)
        return nullptr;
    return ossl::Pkey(key);
}

ossl::Pkey generateEc(const Instance& instance, const std::string& label,
                      const std::string& more = "") {
    return generate(instance, "EC", {{"group", "P-256"}, {"pkcs11_uri", place(label, more)}});
}

// The same public key, as OpenSSL alone has it.
ossl::Pkey softwarePublicKey(EVP_PKEY* key) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    const unsigned char* position = der;
    ossl::Pkey result(size > 0 ? d2i_PUBKEY(nullptr, &position, size) : nullptr);
    OPENSSL_free(der);
    return result;
}

bool verifies(EVP_PKEY* key, const Bytes& signature, const char* digest) {
    const auto verifier = softwarePublicKey(key);
    const ossl::MdCtx context(EVP_MD_CTX_new());
    return verifier &&
           EVP_DigestVerifyInit_ex(context.get(), nullptr, digest, nullptr, nullptr, verifier.get(),
                                   nullptr) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                            data.size()) == 1;
}

// Objects of every kind with that label; asked of the token itself.
std::size_t countOf(const Instance& instance, const std::string& label) {
    const ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(
        OSSL_STORE_open_ex(place(label).c_str(), instance.get(), nullptr, nullptr, nullptr, nullptr,
                           nullptr, nullptr));
    std::size_t count = 0;
    while (store && OSSL_STORE_eof(store.get()) != 1)
        if (const ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
                OSSL_STORE_load(store.get()));
            info)
            ++count;
    takeErrors();
    return count;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// As OSSL_STORE_delete of OpenSSL 3.2 does it.
int destroy(const Instance& instance, const std::string& uri, bool all = false) {
    const ossl::Provider provider(OSSL_PROVIDER_load(instance.get(), "pkcs11"));
    int noCache = 0;
    const auto* loader = OSSL_PROVIDER_query_operation(provider.get(), OSSL_OP_STORE, &noCache);
    int value = all ? 1 : 0;
    const std::array params{OSSL_PARAM_construct_int("pkcs11_all", &value),
                            OSSL_PARAM_construct_end()};
    for (const auto* entry = loader->implementation; entry->function_id != 0; ++entry)
        if (entry->function_id == 9)
            return reinterpret_cast<int (*)(void*, const char*, const OSSL_PARAM[],
                                            OSSL_PASSPHRASE_CALLBACK*, void*)>(entry->function)(
                OSSL_PROVIDER_get0_provider_ctx(provider.get()), uri.c_str(), params.data(),
                nullptr, nullptr);
    return -1;
}

/// Takes what was made away again.
class Generation : public ::testing::Test {
  protected:
    void TearDown() override {
        noFaults();
        module().configure(nullptr, nullptr);
        const Instance instance;
        for (const char* label : {"made", "made2", "stored"})
            destroy(instance, place(label), true);
        takeErrors();
    }
};

TEST_F(Generation, EveryTypeSignsAtOnceInTwoCalls) {
    struct Case {
        const char* type;
        Settings settings;
        const char* digest;
    };
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        // The token's list of mechanisms is read once.
        EXPECT_FALSE(sign(instance, loadPrivate(instance, "rsa").get(), data).empty());
        for (const auto& [type, settings, digest] :
             {Case{"RSA", {}, "SHA256"}, Case{"EC", {{"group", "P-384"}}, "SHA384"},
              Case{"ED25519", {}, nullptr}, Case{"ED448", {}, nullptr}}) {
            auto all = settings;
            all.emplace_back("pkcs11_uri", place("made"));
            const auto key = generate(instance, type, all);
            ASSERT_TRUE(key) << type << takeErrors();
            const CallCounter calls;
            const auto signature = sign(instance, key.get(), data, digest);
            EXPECT_EQ(calls.total(), 2U) << type << calls.log();
            EXPECT_TRUE(verifies(key.get(), signature, digest)) << type << takeErrors();
            const auto again = load(instance, place("made", ";type=private"));
            ASSERT_TRUE(again) << takeErrors();
            EXPECT_EQ(EVP_PKEY_eq(again.get(), key.get()), 1) << type;
            EXPECT_EQ(destroy(instance, place("made")), 1) << takeErrors();
            EXPECT_EQ(countOf(instance, "made"), 0U);
        }
    }
}

// SoftHSM has these as Edwards keys: the forms that other tokens want are tried before.
TEST_F(Generation, MontgomeryKeysAgreeOnSecrets) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst})
        for (const char* type : {"X25519", "X448"}) {
            const Instance instance(order);
            const auto key = generate(instance, type, {{"pkcs11_uri", place("made")}});
            ASSERT_TRUE(key) << type << takeErrors();
            const ossl::Pkey peer(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, type));
            const auto secret =
                derive(instance.get(), key.get(), publicHalf(instance.get(), peer.get()).get());
            EXPECT_FALSE(secret.empty()) << type << takeErrors();
            EXPECT_EQ(secret, derive(defaultOnly(), peer.get(), softwarePublicKey(key.get()).get()))
                << type;
            EXPECT_EQ(destroy(instance, place("made")), 1) << takeErrors();
        }
}

TEST_F(Generation, KeysOfOneIdHaveTheirOwnPublicHalves) {
    const Instance instance;
    const Settings curve{{"group", "P-256"}, {"pkcs11_allow_duplicate", "yes"}};
    for (const char* label : {"made", "made2"}) {
        auto settings = curve;
        settings.emplace_back("pkcs11_uri", place(label, ";id=%aa"));
        ASSERT_TRUE(generate(instance, "EC", settings)) << takeErrors();
    }
    for (const char* label : {"made", "made2"}) {
        const auto key = load(instance, place(label, ";type=private"));
        ASSERT_TRUE(key) << takeErrors();
        EXPECT_TRUE(verifies(key.get(), sign(instance, key.get(), data), "SHA256")) << label;
    }
    EXPECT_FALSE(generateEc(instance, "stored", ";id=%aa"));
    EXPECT_TRUE(contains(takeErrors(), "object=made;type=private"));
}

// As a script makes them of a variable that is not set.
TEST_F(Generation, EmptyNamesAreNone) {
    const Instance instance;
    ASSERT_TRUE(generateEc(instance, "made")) << takeErrors();
    EXPECT_FALSE(generateEc(instance, "made", ";id="));
    EXPECT_TRUE(contains(takeErrors(), "object=made;type=private"));
    EXPECT_FALSE(generateEc(instance, ""));
    EXPECT_TRUE(contains(takeErrors(), "gives the new key no name"));
    EXPECT_FALSE(generateEc(instance, "", ";id="));
    EXPECT_TRUE(contains(takeErrors(), "gives the new key no name"));
    EXPECT_NE(destroy(instance, place(""), true), 1);
    EXPECT_TRUE(contains(takeErrors(), "names no object"));
    EXPECT_EQ(countOf(instance, "made"), 2U);
}

// With this provider first it passes other providers' work on, and their reasons.
TEST_F(Generation, OtherProvidersReasonsAreTold) {
    const Instance instance(Order::providerFirst);
    const auto refused = [&instance](const char* type, const Settings& settings) {
        const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(instance.get(), type, nullptr));
        const auto params = paramsOf(settings);
        EVP_PKEY* key = nullptr;
        EXPECT_FALSE(EVP_PKEY_keygen_init(context.get()) == 1 &&
                     EVP_PKEY_CTX_set_params(context.get(), params.get()) == 1 &&
                     EVP_PKEY_generate(context.get(), &key) == 1);
        EVP_PKEY_free(key);
        return takeErrors();
    };
    EXPECT_TRUE(contains(refused("EC", {{"group", "nosuch"}}), "invalid curve"));
    EXPECT_TRUE(contains(refused("RSA-PSS", {{"digest", "nosuch"}}), "nosuch"));
}

TEST_F(Generation, PssKeysStayPssKeys) {
    const Instance instance;
    const auto key = generate(instance, "RSA-PSS", {{"pkcs11_uri", place("made")}});
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(verifies(key.get(), sign(instance, key.get(), data), "SHA256")) << takeErrors();
    EXPECT_EQ(EVP_PKEY_get_id(load(instance, place("made", ";type=private")).get()),
              EVP_PKEY_RSA_PSS);
}

TEST_F(Generation, ParametersReachTheKey) {
    const Instance instance;
    const auto context =
        ossl::PkeyCtx(EVP_PKEY_CTX_new_from_name(instance.get(), "RSA", "provider=pkcs11"));
    ASSERT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
    const ossl::Bignum exponent(BN_new());
    BN_set_word(exponent.get(), 17);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 1536), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), exponent.get()), 1);
    const auto params = paramsOf({{"pkcs11_uri", place("made", ";id=%70")}});
    EXPECT_EQ(EVP_PKEY_CTX_set_params(context.get(), params.get()), 1);
    EVP_PKEY* made = nullptr;
    ASSERT_EQ(EVP_PKEY_generate(context.get(), &made), 1) << takeErrors();
    const ossl::Pkey key(made);
    EXPECT_EQ(EVP_PKEY_get_bits(made), 1536);
    BIGNUM* value = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(made, OSSL_PKEY_PARAM_RSA_E, &value), 1);
    EXPECT_EQ(BN_get_word(value), 17U);
    BN_free(value);
    EXPECT_TRUE(load(instance, "pkcs11:token=scenarios;id=%70;type=private?pin-value=1234"));
}

TEST_F(Generation, UsageIsKept) {
    const Instance instance;
    const auto signs = generate(
        instance, "RSA",
        {{"pkcs11_uri", place("made")}, {"pkcs11_key_usage", "digitalSignature, cRLSign"}});
    ASSERT_TRUE(signs) << takeErrors();
    EXPECT_FALSE(sign(instance, signs.get(), data).empty()) << takeErrors();
    const auto decrypts =
        generate(instance, "RSA",
                 {{"pkcs11_uri", place("made2")}, {"pkcs11_key_usage", "dataEncipherment"}});
    ASSERT_TRUE(decrypts) << takeErrors();
    EXPECT_TRUE(sign(instance, decrypts.get(), data).empty());
    EXPECT_TRUE(contains(takeErrors(), "CKR_KEY_FUNCTION_NOT_PERMITTED"));
}

TEST_F(Generation, WithoutAUriKeysAreMadeInMemory) {
    const Instance instance(Order::providerFirst);
    const CallCounter calls;
    const ossl::Pkey key(EVP_PKEY_Q_keygen(instance.get(), "provider=pkcs11", "EC", "P-256"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(verifies(key.get(), sign(instance, key.get(), data), "SHA256"));
    EXPECT_EQ(calls.total(), 0U) << calls.log();
    EXPECT_FALSE(generate(instance, "EC", {{"group", "P-256"}, {"pkcs11_sensitive", "yes"}}));
    EXPECT_TRUE(contains(takeErrors(), "without pkcs11_uri"));
}

TEST_F(Generation, WhatIsThereAlreadyIsNotMadeTwice) {
    const Instance instance;
    ASSERT_TRUE(generateEc(instance, "made")) << takeErrors();
    EXPECT_FALSE(generateEc(instance, "made"));
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "object=made;type=private")) << errors;
    EXPECT_FALSE(contains(errors, "1234"));
    EXPECT_TRUE(generateEc(instance, "made", ";id=%55")) << "another id is another key";
    EXPECT_FALSE(generateEc(instance, "made2", ";type=public"));
    EXPECT_TRUE(generate(
        instance, "EC",
        {{"group", "P-256"}, {"pkcs11_uri", place("made")}, {"pkcs11_allow_duplicate", "yes"}}))
        << takeErrors();
}

// SoftHSM's files do not stand threads that write: its calls come one at a time here.
TEST_F(Generation, ThreadsMakeKeysSideBySide) {
    ASSERT_EQ(module().configure("PKCS11_TEST_NO_OS_LOCKING", "1"), CKR_OK);
    const Instance instance;
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int round = 0; round < 3; ++round) {
                const auto id = ";id=%0" + std::to_string(i) + "%0" + std::to_string(round);
                const auto key = generateEc(instance, "made", id);
                if (key && verifies(key.get(), sign(instance, key.get(), data), "SHA256"))
                    ++good;
                else
                    std::fputs(takeErrors().c_str(), stderr);
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(good, 12);
}

TEST_F(Generation, AFailureIsNotRepeatedAndLeavesNothing) {
    const Instance instance;
    for (const CK_RV rv : {CKR_DEVICE_REMOVED, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED}) {
        fault("C_GenerateKeyPair", "1", rv);
        const CallCounter calls;
        EXPECT_FALSE(generateEc(instance, "made"));
        EXPECT_EQ(calls.of("C_GenerateKeyPair"), 1U);
        EXPECT_TRUE(contains(takeErrors(), "CKM_EC_KEY_PAIR_GEN"));
        noFaults();
        EXPECT_EQ(countOf(instance, "made"), 0U);
    }
    fault("C_GenerateKeyPair", "1", CKR_USER_NOT_LOGGED_IN);
    EXPECT_TRUE(generateEc(instance, "made"))
        << "nothing was done, and it is repeated: " << takeErrors();
}

TEST_F(Generation, AKeyThatCantBeReadGoesAgain) {
    const Instance instance;
    for (const char* which : {"1", "2"}) {
        fault("C_GetAttributeValue", which, CKR_DEVICE_ERROR);
        EXPECT_FALSE(generateEc(instance, "made"));
        EXPECT_TRUE(contains(takeErrors(), "can't be had"));
        noFaults();
        EXPECT_EQ(countOf(instance, "made"), 0U);
    }
    ASSERT_EQ(module().setFaults(("C_GetAttributeValue:1=" + std::to_string(CKR_DEVICE_REMOVED) +
                                  ",C_DestroyObject:1+=" + std::to_string(CKR_DEVICE_REMOVED))
                                     .c_str()),
              CKR_OK);
    EXPECT_FALSE(generateEc(instance, "made", ";id=%42"));
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "may be there in part")) << errors;
    EXPECT_TRUE(contains(errors, "id=%42")) << errors;
}

TEST_F(Generation, OneSessionIsEnough) {
    const Instance instance;
    const auto before = loadPrivate(instance, "rsa");
    ASSERT_EQ(module().configure("PKCS11_TEST_MAX_SESSIONS", "1"), CKR_OK);
    const auto key = generateEc(instance, "made");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(verifies(key.get(), sign(instance, key.get(), data), "SHA256")) << takeErrors();
    EXPECT_TRUE(verify("rsa", sign(instance, before.get(), data), data)) << takeErrors();
}

TEST_F(Generation, TokensSayWhyNot) {
    const Instance instance;
    const auto refusal = [&](const char* name, const char* value) {
        const Instance fresh;
        EXPECT_EQ(module().configure(name, value), CKR_OK);
        EXPECT_FALSE(generateEc(fresh, "made"));
        module().configure(nullptr, nullptr);
        return takeErrors();
    };
    EXPECT_TRUE(contains(refusal("PKCS11_TEST_HIDE_MECHANISMS", "0x1040"), "CKM_EC_KEY_PAIR_GEN"));
    EXPECT_FALSE(generate(instance, "EC", {{"pkcs11_uri", place("made")}}));
    EXPECT_TRUE(contains(takeErrors(), "no curve"));
    EXPECT_FALSE(generateEc(instance, "made", ";flavour=sweet"));
    EXPECT_TRUE(contains(takeErrors(), "flavour"));
    EXPECT_FALSE(generate(
        instance, "EC", {{"group", "P-256"}, {"pkcs11_uri", "pkcs11:object=made?pin-value=1234"}}));
    EXPECT_TRUE(contains(takeErrors(), "several tokens fit"));
    EXPECT_EQ(countOf(instance, "made"), 0U);
}

ossl::Pkey store(const Instance& instance, EVP_PKEY* software, const std::string& uri) {
    OSSL_PARAM* values = nullptr;
    EXPECT_EQ(EVP_PKEY_todata(software, EVP_PKEY_KEYPAIR, &values), 1) << takeErrors();
    const ossl::Params owner(values);
    const auto where = paramsOf({{"pkcs11_uri", uri}});
    const ossl::Params all(OSSL_PARAM_merge(values, where.get()));
    const ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(
        instance.get(), EVP_PKEY_get0_type_name(software), "provider=pkcs11"));
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(maker.get()) != 1 ||
        EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_KEYPAIR, all.get()) != 1)
        return nullptr;
    return ossl::Pkey(key);
}

TEST_F(Generation, SoftwareKeysAreStored) {
    const Instance instance;
    for (const char* type : {"RSA", "EC", "ED25519", "ED448"}) {
        const ossl::Pkey software(
            std::string(type) == "RSA"
                ? EVP_PKEY_Q_keygen(instance.get(), "provider=default", type, std::size_t{2048})
                : EVP_PKEY_Q_keygen(instance.get(), "provider=default", type, "P-256"));
        ASSERT_TRUE(software);
        const auto key = store(instance, software.get(), place("stored"));
        ASSERT_TRUE(key) << type << takeErrors();
        const char* digest = type[1] == 'D' ? nullptr : "SHA256";
        EXPECT_TRUE(verifies(software.get(), sign(instance, key.get(), data, digest), digest))
            << type << takeErrors();
        EXPECT_FALSE(store(instance, software.get(), place("stored"))) << "it is there already";
        takeErrors();
        EXPECT_EQ(destroy(instance, place("stored")), 1) << takeErrors();
        fault("C_CreateObject", "2", CKR_DEVICE_MEMORY);
        EXPECT_FALSE(store(instance, software.get(), place("stored")));
        EXPECT_TRUE(contains(takeErrors(), "CKR_DEVICE_MEMORY")) << type;
        noFaults();
        EXPECT_EQ(countOf(instance, "stored"), 0U) << "the first half has gone again";
    }
}

TEST_F(Generation, MontgomeryKeysAreStored) {
    const Instance instance;
    for (const char* type : {"X25519", "X448"}) {
        const ossl::Pkey software(EVP_PKEY_Q_keygen(instance.get(), "provider=default", type));
        const auto key = store(instance, software.get(), place("stored"));
        ASSERT_TRUE(key) << type << takeErrors();
        const ossl::Pkey peer(EVP_PKEY_Q_keygen(instance.get(), "provider=default", type));
        const auto publicPeer = publicHalf(instance.get(), peer.get());
        EXPECT_EQ(derive(instance.get(), key.get(), publicPeer.get()),
                  derive(instance.get(), software.get(), publicPeer.get()))
            << type << takeErrors();
        EXPECT_EQ(EVP_PKEY_eq(key.get(), software.get()), 1) << type;
        EXPECT_EQ(destroy(instance, place("stored")), 1) << takeErrors();
    }
}

TEST_F(Generation, WhatATokenWouldNotKeepToIsNotStored) {
    const Instance instance;
    const auto refusal = [&instance](const char* type, const auto& set) {
        const ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_name(instance.get(), type, "provider=default"));
        EVP_PKEY* made = nullptr;
        EXPECT_TRUE(EVP_PKEY_keygen_init(context.get()) == 1 && set(context.get()) == 1 &&
                    EVP_PKEY_generate(context.get(), &made) == 1)
            << takeErrors();
        const ossl::Pkey software(made);
        EXPECT_FALSE(store(instance, made, place("stored")));
        return takeErrors();
    };
    EXPECT_TRUE(contains(refusal("RSA",
                                 [](EVP_PKEY_CTX* context) {
                                     return EVP_PKEY_CTX_set_rsa_keygen_primes(context, 3);
                                 }),
                         "two primes"));
    EXPECT_TRUE(contains(refusal("RSA-PSS",
                                 [](EVP_PKEY_CTX* context) {
                                     return EVP_PKEY_CTX_set_rsa_pss_keygen_md(context,
                                                                               EVP_sha256());
                                 }),
                         "digest"));
    EXPECT_EQ(countOf(instance, "stored"), 0U);
}

TEST_F(Generation, WhatCantBeTakenBackIsTold) {
    const Instance instance;
    const auto software = privateKeyFromFile(instance.get(), "ec256");
    ASSERT_EQ(module().setFaults(("C_CreateObject:2=" + std::to_string(CKR_USER_NOT_LOGGED_IN) +
                                  ",C_DestroyObject:1+=" + std::to_string(CKR_USER_NOT_LOGGED_IN))
                                     .c_str()),
              CKR_OK);
    const CallCounter calls;
    EXPECT_FALSE(store(instance, software.get(), place("stored", ";id=%43")));
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "in part, with the id=%43")) << errors;
    EXPECT_EQ(calls.of("C_CreateObject"), 2U) << "it is not tried again";
}

int setCertificate(EVP_PKEY* key, X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    const int result = EVP_PKEY_set_octet_string_param(key, "pkcs11_certificate", der,
                                                       static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return result;
}

TEST_F(Generation, CertificatesGoBesideTheirKeys) {
    const Instance instance;
    const auto software = privateKeyFromFile(instance.get(), "ec384");
    const auto certificate = certificateFromFile(instance.get(), "ec384");
    const auto key = store(instance, software.get(), place("stored", ";id=%66"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(setCertificate(key.get(), certificateFromFile(instance.get(), "ec256").get()), 0);
    EXPECT_TRUE(contains(takeErrors(), "another key"));
    EXPECT_EQ(setCertificate(key.get(), certificate.get()), 1) << takeErrors();
    EXPECT_EQ(setCertificate(key.get(), certificate.get()), 0) << "it is there already";
    takeErrors();
    EXPECT_EQ(countOf(instance, "stored"), 3U);
    const ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> found(
        OSSL_STORE_open_ex("pkcs11:token=scenarios;object=stored;id=%66;type=cert", instance.get(),
                           nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    const ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(OSSL_STORE_load(found.get()));
    ASSERT_TRUE(info) << takeErrors();
    EXPECT_EQ(X509_cmp(OSSL_STORE_INFO_get0_CERT(info.get()), certificate.get()), 0);
}

TEST_F(Generation, DeletingNeedsOneNameForOneThing) {
    const Instance instance;
    ASSERT_TRUE(generateEc(instance, "made", ";id=%01%01")) << takeErrors();
    ASSERT_TRUE(generateEc(instance, "made", ";id=%01%02")) << takeErrors();
    EXPECT_EQ(destroy(instance, place("made")), 0);
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "id=%01%01") && contains(errors, "id=%01%02")) << errors;
    EXPECT_EQ(destroy(instance, "pkcs11:token=scenarios?pin-value=1234"), 0);
    EXPECT_TRUE(contains(takeErrors(), "names no object"));
    EXPECT_EQ(destroy(instance, place("nobody")), 0);
    EXPECT_TRUE(contains(takeErrors(), "nothing that fits"));
    EXPECT_EQ(countOf(instance, "made"), 4U);
    EXPECT_EQ(destroy(instance, place("made", ";id=%01%01;type=private")), 1) << takeErrors();
    EXPECT_EQ(countOf(instance, "made"), 3U);
    EXPECT_EQ(destroy(instance, place("made", ";id=%01%02")), 1) << takeErrors();
    EXPECT_EQ(countOf(instance, "made"), 1U);
    EXPECT_EQ(destroy(instance, place("made")), 1) << takeErrors();
    fault("C_DestroyObject", "1", CKR_ACTION_PROHIBITED);
    ASSERT_TRUE(generateEc(instance, "made"));
    EXPECT_EQ(destroy(instance, place("made")), 0);
    EXPECT_TRUE(contains(takeErrors(), "CKR_ACTION_PROHIBITED"));
}

} // namespace
