// SPDX-License-Identifier: Apache-2.0
// What is found on a token, whatever its module answers, and what the errors say. Each test is a
// process of its own.
#include <openssl/pem.h>

#include "decryption.h"
#include "new_keys.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

TEST(Expected, IsNoCertificateWhereTheUriAsksForAKey) {
    const Instance instance;
    const auto store = p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>(
        OSSL_STORE_open_ex(uriOf("rsa").c_str(), instance.get(), nullptr, nullptr, nullptr, nullptr,
                           nullptr, nullptr));
    ASSERT_EQ(OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_CERT), 1);
    EXPECT_EQ(OSSL_STORE_load(store.get()), nullptr);
    EXPECT_NE(takeErrors().find("a certificate is expected"), std::string::npos);
}

TEST(Expected, IsNoKeyWhereTheUriAsksForACertificate) {
    const Instance instance;
    EXPECT_FALSE(load(instance, uriOf("rsa", "cert")));
    EXPECT_NE(takeErrors().find("a private key is expected"), std::string::npos);
}

// A module that passes over the template of a search.
TEST(Search, ComparesTheIdAlone) {
    configureModule("PKCS11_TEST_QUIRK", "ignore-template");
    const Instance instance;
    const auto key = load(instance, "pkcs11:token=scenarios;id=%03;type=private?pin-value=1234");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1) << takeErrors();
    EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
}

// Whoever reads the reference would have another key, perhaps.
TEST(AmbiguousKey, IsNotWrittenAsAReference) {
    const Instance instance;
    const auto write = [](EVP_PKEY* key) {
        const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
        return PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
    };
    EXPECT_FALSE(write(load(instance, uriOf("twin")).get()));
    EXPECT_NE(takeErrors().find("several keys fit the URI"), std::string::npos);
    EXPECT_TRUE(write(loadPrivate(instance, "rsa").get())) << takeErrors();
}

using Deletion = NewKeys;

TEST_F(Deletion, IsOfWhatTheUriNamesWhateverTheModuleFinds) {
    const Instance instance;
    configureModule("PKCS11_TEST_QUIRK", "ignore-template");
    EXPECT_NE(destroy(instance, place("nosuch"), true), 1);
    EXPECT_NE(takeErrors().find("exists to delete"), std::string::npos);
    ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", nullptr), CKR_OK);
    EXPECT_TRUE(loadPrivate(instance, "ec256"));
}

// A PIN that is tried on the wrong token costs that one a try.
TEST(PinForOneToken, IsTriedOnNoneOfSeveral) {
    const Instance instance;
    const CallCounter calls;
    EXPECT_FALSE(load(instance, "pkcs11:object=ec256;type=private?pin-value=1234"));
    EXPECT_NE(takeErrors().find("several tokens need a login"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
}

// Some modules look for tokens that came where they are asked for the number alone.
TEST(MissingToken, IsLookedForAnewBeforeItIsTold) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "ec256"));
    const CallCounter calls;
    EXPECT_FALSE(load(instance, "pkcs11:token=nosuch;object=a"));
    EXPECT_NE(takeErrors().find("no token fits"), std::string::npos);
    EXPECT_EQ(calls.of("C_GetSlotList"), 5U)
        << "a list, the number, a list again, a comparison with SoftHSM's folder, and what is "
           "there for the message";
}

TEST(WithoutAPin, WhatEverybodySeesIsFound) {
    configureModule("PKCS11_TEST_QUIRK", "visible-before-login");
    const Instance instance;
    EXPECT_TRUE(load(instance, "pkcs11:token=scenarios;object=ec256;type=private")) << takeErrors();
}

TEST(ErrorMessage, NamesEightObjectsAndNoMore) {
    const Instance instance;
    EXPECT_FALSE(load(instance, uriOf("nosuch")));
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("..."), std::string::npos) << errors;
    int named = 0;
    for (auto at = errors.find(";id="); at != std::string::npos; at = errors.find(";id=", at + 1))
        ++named;
    EXPECT_LE(named, 8) << errors;
}

} // namespace
