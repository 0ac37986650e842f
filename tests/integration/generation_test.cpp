// SPDX-License-Identifier: Apache-2.0
// Key pairs that are made on a token.
#include <array>

#include <openssl/core_names.h>

#include "new_keys.h"

namespace {

using namespace testing_support;

const Bytes& data = newKeysData;

class Generation : public NewKeys {};

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
            EXPECT_TRUE(verifies("made", signature, digest)) << type << takeErrors();
            EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyOnToken("made").get()), 1) << type;
            const auto again = load(instance, place("made", ";type=private"));
            ASSERT_TRUE(again) << takeErrors();
            EXPECT_EQ(EVP_PKEY_eq(again.get(), key.get()), 1) << type;
            EXPECT_EQ(destroy(instance, place("made")), 1) << takeErrors();
            EXPECT_EQ(countOf("made"), 0U);
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
            const p11::ossl::Pkey peer(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, type));
            const auto secret =
                derive(instance.get(), key.get(), publicHalf(instance.get(), peer.get()).get());
            ASSERT_FALSE(secret.empty()) << type << takeErrors();
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
        EXPECT_TRUE(verifies(label, sign(instance, key.get(), data), "SHA256")) << label;
        EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyOnToken(label).get()), 1) << label;
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
    EXPECT_TRUE(contains(takeErrors(), "has no name for the new key"));
    EXPECT_FALSE(generateEc(instance, "", ";id="));
    EXPECT_TRUE(contains(takeErrors(), "has no name for the new key"));
    EXPECT_NE(destroy(instance, place(""), true), 1);
    EXPECT_TRUE(contains(takeErrors(), "names no object"));
    EXPECT_EQ(countOf("made"), 2U);
}

// With this provider first it passes other providers' work on, and their reasons.
// Of several forms that are tried, what is wrong with the key says more than a mechanism's absence.
TEST_F(Generation, TheReasonThatSaysMostIsTold) {
    const Instance instance;
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_MECHANISMS", "0x1055,0x1056"), CKR_OK);
    EXPECT_FALSE(generate(instance, "X25519", {{"pkcs11_uri", place("made")}}));
    EXPECT_TRUE(contains(takeErrors(), "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"));
    module().configure(nullptr, nullptr);
    ASSERT_EQ(
        module().setFaults(("C_GenerateKeyPair:1-2=" + std::to_string(CKR_TEMPLATE_INCONSISTENT) +
                            ",C_GenerateKeyPair:3=" + std::to_string(CKR_MECHANISM_INVALID))
                               .c_str()),
        CKR_OK);
    EXPECT_FALSE(generate(instance, "X25519", {{"pkcs11_uri", place("made")}}));
    EXPECT_TRUE(contains(takeErrors(), "CKR_TEMPLATE_INCONSISTENT"));
}

TEST_F(Generation, OtherProvidersReasonsAreTold) {
    const Instance instance(Order::providerFirst);
    const auto refused = [&instance](const char* type, const Settings& settings) {
        const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(instance.get(), type, nullptr));
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
    EXPECT_TRUE(verify(publicKeyOnToken("made").get(), sign(instance, key.get(), data), data,
                       "SHA256", true))
        << takeErrors();
    // SoftHSM does not keep what says so; a key reference does.
    const auto uri = place("made", ";type=private");
    EXPECT_EQ(EVP_PKEY_get_id(load(instance, uri).get()), EVP_PKEY_RSA);
    EXPECT_EQ(EVP_PKEY_get_id(load(instance, uri + "&x-key-type=RSA-PSS").get()), EVP_PKEY_RSA_PSS);
    const p11::ossl::Bio reference(BIO_new(BIO_s_mem()));
    ASSERT_EQ(
        PEM_write_bio_PrivateKey(reference.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr),
        1);
    const p11::ossl::Pkey again(PEM_read_bio_PrivateKey_ex(reference.get(), nullptr, nullptr,
                                                           nullptr, instance.get(), nullptr));
    ASSERT_TRUE(again) << takeErrors();
    EXPECT_EQ(EVP_PKEY_get_id(again.get()), EVP_PKEY_RSA_PSS);
}

TEST_F(Generation, ParametersReachTheKey) {
    const Instance instance;
    const auto context =
        p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_name(instance.get(), "RSA", "provider=pkcs11"));
    ASSERT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
    const p11::ossl::Bignum exponent(BN_new());
    BN_set_word(exponent.get(), 17);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 1536), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), exponent.get()), 1);
    const auto params = paramsOf({{"pkcs11_uri", place("made", ";id=%70")}});
    EXPECT_EQ(EVP_PKEY_CTX_set_params(context.get(), params.get()), 1);
    EVP_PKEY* made = nullptr;
    ASSERT_EQ(EVP_PKEY_generate(context.get(), &made), 1) << takeErrors();
    const p11::ossl::Pkey key(made);
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
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "CKR_KEY_FUNCTION_NOT_PERMITTED")) << errors;
    EXPECT_TRUE(contains(errors, "made2")) << errors;
    EXPECT_TRUE(contains(errors, "its CKA_SIGN is false")) << errors;
}

TEST_F(Generation, WithoutAUriKeysAreMadeInMemory) {
    const Instance instance(Order::providerFirst);
    const CallCounter calls;
    const p11::ossl::Pkey key(EVP_PKEY_Q_keygen(instance.get(), "provider=pkcs11", "EC", "P-256"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(verify(publicHalf(defaultOnly(), key.get()).get(), sign(instance, key.get(), data),
                       data, "SHA256"));
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
    constexpr int crowd = 4;
    constexpr int rounds = 3;
    std::array<std::map<std::string, Bytes>, crowd> signatures; // by the keys' ids
    inThreads(crowd, [&](int i) {
        for (int round = 0; round < rounds; ++round) {
            const auto key = generateEc(
                instance, "made", ";id=%0" + std::to_string(i) + "%0" + std::to_string(round));
            const std::string id{static_cast<char>(i), static_cast<char>(round)};
            if (key)
                signatures.at(static_cast<std::size_t>(i))[id] = sign(instance, key.get(), data);
            std::fputs(takeErrors().c_str(), stderr);
        }
    });
    for (const auto& made : signatures) {
        EXPECT_EQ(made.size(), std::size_t{rounds});
        for (const auto& [id, signature] : made)
            EXPECT_TRUE(verifies("made", signature, "SHA256", id));
    }
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
        EXPECT_EQ(countOf("made"), 0U);
    }
    fault("C_GenerateKeyPair", "1", CKR_USER_NOT_LOGGED_IN);
    EXPECT_TRUE(generateEc(instance, "made"))
        << "nothing was done, and it is repeated: " << takeErrors();
}

TEST_F(Generation, AKeyThatCantBeReadGoesAgain) {
    const Instance instance;
    // Each half is read by one call, and once more for its class alone.
    for (const char* which : {"1-2", "2-3"}) {
        fault("C_GetAttributeValue", which, CKR_DEVICE_ERROR);
        EXPECT_FALSE(generateEc(instance, "made"));
        EXPECT_TRUE(contains(takeErrors(), "cannot be read"));
        noFaults();
        EXPECT_EQ(countOf("made"), 0U);
    }
    ASSERT_EQ(module().setFaults(("C_GetAttributeValue:1=" + std::to_string(CKR_DEVICE_REMOVED) +
                                  ",C_DestroyObject:1+=" + std::to_string(CKR_DEVICE_REMOVED))
                                     .c_str()),
              CKR_OK);
    EXPECT_FALSE(generateEc(instance, "made", ";id=%42"));
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "a part of it may be on the token")) << errors;
    EXPECT_TRUE(contains(errors, "id=%42")) << errors;
}

TEST_F(Generation, OneSessionIsEnough) {
    const Instance instance;
    const auto before = loadPrivate(instance, "rsa");
    ASSERT_EQ(module().configure("PKCS11_TEST_MAX_SESSIONS", "1"), CKR_OK);
    const auto key = generateEc(instance, "made");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(verifies("made", sign(instance, key.get(), data), "SHA256")) << takeErrors();
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
    EXPECT_EQ(countOf("made"), 0U);
}

} // namespace
