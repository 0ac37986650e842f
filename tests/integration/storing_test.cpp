// SPDX-License-Identifier: Apache-2.0
// Key pairs and certificates that are stored on a token, and deleted from it.
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "new_keys.h"

namespace {

using namespace testing_support;

const Bytes& data = newKeysData;

class Storing : public NewKeys {};

TEST_F(Storing, SoftwareKeysAreStored) {
    const Instance instance;
    for (const char* type : {"RSA", "EC", "ED25519", "ED448"}) {
        const p11::ossl::Pkey software(
            std::string(type) == "RSA"
                ? EVP_PKEY_Q_keygen(instance.get(), "provider=default", type, std::size_t{2048})
                : EVP_PKEY_Q_keygen(instance.get(), "provider=default", type, "P-256"));
        ASSERT_TRUE(software);
        const auto key = store(instance, software.get(), place("stored"));
        ASSERT_TRUE(key) << type << takeErrors();
        const char* digest = type[1] == 'D' ? nullptr : "SHA256";
        const auto signature = sign(instance, key.get(), data, digest);
        EXPECT_TRUE(
            verify(publicHalf(defaultOnly(), software.get()).get(), signature, data, digest))
            << type << takeErrors();
        EXPECT_TRUE(verifies("stored", signature, digest)) << type << takeErrors();
        EXPECT_FALSE(store(instance, software.get(), place("stored"))) << "it is there already";
        takeErrors();
        EXPECT_EQ(destroy(instance, place("stored")), 1) << takeErrors();
        fault("C_CreateObject", "2", CKR_DEVICE_MEMORY);
        EXPECT_FALSE(store(instance, software.get(), place("stored")));
        EXPECT_TRUE(contains(takeErrors(), "CKR_DEVICE_MEMORY")) << type;
        noFaults();
        EXPECT_EQ(countOf("stored"), 0U) << "the first half has gone again";
    }
}

TEST_F(Storing, MontgomeryKeysAreStored) {
    const Instance instance;
    for (const char* type : {"X25519", "X448"}) {
        const p11::ossl::Pkey software(EVP_PKEY_Q_keygen(instance.get(), "provider=default", type));
        const auto key = store(instance, software.get(), place("stored"));
        ASSERT_TRUE(key) << type << takeErrors();
        const p11::ossl::Pkey peer(EVP_PKEY_Q_keygen(instance.get(), "provider=default", type));
        const auto publicPeer = publicHalf(instance.get(), peer.get());
        const auto secret = derive(instance.get(), key.get(), publicPeer.get());
        ASSERT_FALSE(secret.empty()) << type << takeErrors();
        EXPECT_EQ(secret, derive(instance.get(), peer.get(),
                                 publicHalf(instance.get(), software.get()).get()))
            << type << takeErrors();
        EXPECT_EQ(EVP_PKEY_eq(key.get(), software.get()), 1) << type;
        EXPECT_EQ(destroy(instance, place("stored")), 1) << takeErrors();
    }
}

TEST_F(Storing, WhatATokenWouldNotKeepToIsNotStored) {
    const Instance instance;
    const auto refusal = [&instance](const char* type, const auto& set) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_name(instance.get(), type, "provider=default"));
        EVP_PKEY* made = nullptr;
        EXPECT_TRUE(EVP_PKEY_keygen_init(context.get()) == 1 && set(context.get()) == 1 &&
                    EVP_PKEY_generate(context.get(), &made) == 1)
            << takeErrors();
        const p11::ossl::Pkey software(made);
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
                         "limits"));
    EXPECT_TRUE(contains(refusal("RSA-PSS",
                                 [](EVP_PKEY_CTX* context) {
                                     return EVP_PKEY_CTX_set_rsa_pss_keygen_md(context, EVP_sha1());
                                 }),
                         "limits"));
    EXPECT_TRUE(contains(refusal("RSA-PSS",
                                 [](EVP_PKEY_CTX* context) {
                                     return EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context, 48);
                                 }),
                         "limits"));
    EXPECT_EQ(countOf("stored"), 0U);
}

// The public object of another key under the same id; the key's own half is in its certificate.
TEST_F(Storing, AForeignPairOfTheSameIdTakesNoPublicHalfAway) {
    const Instance instance;
    const auto own = publicKeyFromFile("withcert");
    const auto publicHalfOf = [&own](const Instance& fresh) {
        const auto key = load(fresh, place("withcert", ";type=private"));
        EXPECT_TRUE(key) << takeErrors();
        return key && EVP_PKEY_eq(key.get(), own.get()) == 1;
    };
    const p11::ossl::Pkey other(
        EVP_PKEY_Q_keygen(instance.get(), "provider=default", "EC", "P-256"));
    ASSERT_TRUE(store(instance, other.get(), place("stored", ";id=%0e"),
                      {{"pkcs11_allow_duplicate", "yes"}}))
        << takeErrors();
    EXPECT_TRUE(publicHalfOf(Instance())) << takeErrors();
    // Where the key can't be asked, its label tells.
    fault("C_SignInit", "1+", CKR_KEY_TYPE_INCONSISTENT);
    EXPECT_TRUE(publicHalfOf(Instance())) << takeErrors();
}

// With the label "stored", as TearDown() takes it away.
void putCertificateBeside(std::string id, const std::string& of) {
    auto der = derOf(certificateFromFile(defaultOnly(), of).get());
    tokenWriter("scenarios")
        .createCertificate("stored", {{CKA_ID, id.data(), id.size()},
                                      {CKA_SUBJECT, id.data(), 0},
                                      {CKA_VALUE, der.data(), der.size()}});
}

// After a renewal: the old certificate has the id of the new key.
TEST_F(Storing, ACertificateOfAnotherKeyGivesNoPublicHalf) {
    const std::string idOfBareEc = "\x0b";
    putCertificateBeside(idOfBareEc, "ec256");
    {
        const Instance instance;
        const auto key = loadPrivate(instance, "bare-ec");
        EXPECT_EQ(i2d_PUBKEY(key.get(), nullptr), -1);
        const auto errors = takeErrors();
        EXPECT_TRUE(contains(errors, "the object with the same id belongs to another key"))
            << errors;
        EXPECT_NE(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1);
        takeErrors();
    }
    putCertificateBeside(idOfBareEc, "bare-ec");
    const Instance instance;
    const auto key = loadPrivate(instance, "bare-ec");
    const auto given = softwarePublicKey(key.get());
    ASSERT_TRUE(given) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(given.get(), publicKeyFromFile("bare-ec").get()), 1);
    const CallCounter calls;
    EXPECT_TRUE(softwarePublicKey(key.get()));
    EXPECT_EQ(calls.total(), 0U) << "it is proved once: " << calls.log();
}

TEST_F(Storing, AnRsaKeyWithoutItsModulusIsKnownByWhatItSigns) {
    const Instance instance;
    putCertificateBeside("\x01", "rsa3072");
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", "0x120"), CKR_OK);
    const auto key = load(instance, place("rsa", ";type=private"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("rsa").get()), 1) << takeErrors();
}

TEST_F(Storing, WhatCantBeTakenBackIsTold) {
    const Instance instance;
    const auto software = privateKeyFromFile(instance.get(), "ec256");
    ASSERT_EQ(module().setFaults(("C_CreateObject:2=" + std::to_string(CKR_USER_NOT_LOGGED_IN) +
                                  ",C_DestroyObject:1+=" + std::to_string(CKR_USER_NOT_LOGGED_IN))
                                     .c_str()),
              CKR_OK);
    const CallCounter calls;
    EXPECT_FALSE(store(instance, software.get(), place("stored", ";id=%43")));
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "on the token, with the id=%43")) << errors;
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

TEST_F(Storing, CertificatesGoBesideTheirKeys) {
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
    EXPECT_EQ(countOf("stored"), 3U);
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> found(
        OSSL_STORE_open_ex("pkcs11:token=scenarios;object=stored;id=%66;type=cert", instance.get(),
                           nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
        OSSL_STORE_load(found.get()));
    ASSERT_TRUE(info) << takeErrors();
    EXPECT_EQ(X509_cmp(OSSL_STORE_INFO_get0_CERT(info.get()), certificate.get()), 0);
}

TEST_F(Storing, DeletingNeedsOneNameForOneThing) {
    const Instance instance;
    ASSERT_TRUE(generateEc(instance, "made", ";id=%01%01")) << takeErrors();
    ASSERT_TRUE(generateEc(instance, "made", ";id=%01%02")) << takeErrors();
    EXPECT_EQ(destroy(instance, place("made")), 0);
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "id=%01%01") && contains(errors, "id=%01%02")) << errors;
    EXPECT_EQ(destroy(instance, "pkcs11:token=scenarios?pin-value=1234"), 0);
    EXPECT_TRUE(contains(takeErrors(), "names no object"));
    EXPECT_EQ(destroy(instance, place("nobody")), 0);
    EXPECT_TRUE(contains(takeErrors(), "no object that fits"));
    EXPECT_EQ(countOf("made"), 4U);
    EXPECT_EQ(destroy(instance, place("made", ";id=%01%01;type=private")), 1) << takeErrors();
    EXPECT_EQ(countOf("made"), 3U);
    EXPECT_EQ(destroy(instance, place("made", ";id=%01%02")), 1) << takeErrors();
    EXPECT_EQ(countOf("made"), 1U);
    EXPECT_EQ(destroy(instance, place("made")), 1) << takeErrors();
    fault("C_DestroyObject", "1", CKR_ACTION_PROHIBITED);
    ASSERT_TRUE(generateEc(instance, "made"));
    EXPECT_EQ(destroy(instance, place("made")), 0);
    EXPECT_TRUE(contains(takeErrors(), "CKR_ACTION_PROHIBITED"));
}

} // namespace
