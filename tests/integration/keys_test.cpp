// SPDX-License-Identifier: Apache-2.0
// Keys through EVP_PKEY: what they tell, what they give away, and how they compare.
#include <array>

#include <openssl/core_names.h>
#include <openssl/x509.h>

#include "fixture.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

TEST(Keys, TellTheirSizesAndNames) {
    const Instance instance;
    const auto rsa = loadPrivate(instance, "rsa3072");
    EXPECT_EQ(EVP_PKEY_get_bits(rsa.get()), 3072);
    EXPECT_EQ(EVP_PKEY_get_security_bits(rsa.get()), 128);
    EXPECT_EQ(EVP_PKEY_get_size(rsa.get()), 384);
    EXPECT_EQ(EVP_PKEY_get_id(rsa.get()), EVP_PKEY_RSA);
    EXPECT_EQ(EVP_PKEY_get_id(loadPrivate(instance, "pssonly").get()), EVP_PKEY_RSA);
    std::array<char, 100> text{};
    EXPECT_GT(EVP_PKEY_get_default_digest_name(rsa.get(), text.data(), text.size()), 0);
    EXPECT_STREQ(text.data(), "SHA256");
    const std::array<std::pair<const char*, const char*>, 5> groups{
        {{"ec256", "prime256v1"},
         {"ec384", "secp384r1"},
         {"ec521", "secp521r1"},
         {"secp256k1", "secp256k1"},
         {"brainpool", "brainpoolP256r1"}}};
    for (const auto& [label, group] : groups) {
        const auto key = loadPrivate(instance, label);
        std::size_t size = 0;
        EXPECT_EQ(EVP_PKEY_get_group_name(key.get(), text.data(), text.size(), &size), 1) << label;
        EXPECT_STREQ(text.data(), group);
        EXPECT_EQ(EVP_PKEY_get_id(key.get()), EVP_PKEY_EC);
    }
    const auto ed = loadPrivate(instance, "ed25519");
    EXPECT_EQ(EVP_PKEY_get_bits(ed.get()), 256);
    EXPECT_EQ(EVP_PKEY_get_size(ed.get()), 64);
}

TEST(Keys, NeverExportTheirPrivateHalf) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        for (const char* label : {"rsa", "ec256", "ed25519", "pssonly"}) {
            const auto key = loadPrivate(instance, label);
            OSSL_PARAM* params = nullptr;
            EXPECT_NE(EVP_PKEY_todata(key.get(), EVP_PKEY_KEYPAIR, &params), 1) << label;
            EXPECT_EQ(params, nullptr);
            EXPECT_EQ(i2d_PrivateKey(key.get(), nullptr), -1) << label;
            ASSERT_EQ(EVP_PKEY_todata(key.get(), EVP_PKEY_PUBLIC_KEY, &params), 1)
                << label << takeErrors();
            EXPECT_EQ(OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PRIV_KEY), nullptr);
            EXPECT_EQ(OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_RSA_D), nullptr);
            OSSL_PARAM_free(params);
            takeErrors();
        }
    }
}

TEST(Keys, CompareWithSoftwareKeysAndCertificates) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        // bare-*: the token has no public key for them, and the certificate in the file proves
        // itself.
        for (const char* label : {"rsa", "ec256", "ec521", "withcert", "bare-rsa", "bare-ec"}) {
            const auto key = loadPrivate(instance, label);
            const auto certificate = certificateFromFile(instance.get(), label);
            EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1)
                << label << takeErrors();
            const auto other = certificateFromFile(
                instance.get(),
                std::string(label).find("rsa") != std::string::npos ? "project" : "ec384");
            EXPECT_NE(X509_check_private_key(other.get(), key.get()), 1) << label;
            EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile(label).get()), 1)
                << label << takeErrors();
            EXPECT_EQ(EVP_PKEY_eq(publicKeyFromFile(label).get(), key.get()), 1)
                << label << takeErrors();
            EXPECT_EQ(EVP_PKEY_eq(key.get(), loadPrivate(instance, label).get()), 1) << label;
            EXPECT_NE(
                EVP_PKEY_eq(
                    key.get(),
                    publicKeyFromFile(label == std::string("rsa") ? "project" : "secp256k1").get()),
                1);
            takeErrors();
        }
    }
}

TEST(Keys, AnotherKeyOfTheSameCurveIsNotTakenForTheMissingPublicHalf) {
    const Instance instance;
    const auto key = loadPrivate(instance, "bare-ec");
    EXPECT_NE(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1);
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("bare-ec").get()), 1);
    EXPECT_NE(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1);
    takeErrors();
}

TEST(Keys, GiveTheirPublicValues) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256", "ec521", "brainpool", "withcert"}) {
        const auto key = loadPrivate(instance, label);
        unsigned char* mine = nullptr;
        unsigned char* theirs = nullptr;
        const int size = i2d_PUBKEY(key.get(), &mine);
        ASSERT_GT(size, 0) << label << takeErrors();
        ASSERT_EQ(size, i2d_PUBKEY(publicKeyFromFile(label).get(), &theirs));
        EXPECT_EQ(Bytes(mine, mine + size), Bytes(theirs, theirs + size)) << label;
        OPENSSL_free(mine);
        OPENSSL_free(theirs);
    }
    const auto ec = loadPrivate(instance, "ec256");
    BIGNUM* x = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(ec.get(), OSSL_PKEY_PARAM_EC_PUB_X, &x), 1);
    BN_free(x);
    unsigned char* point = nullptr;
    EXPECT_EQ(EVP_PKEY_get1_encoded_public_key(ec.get(), &point), 65U);
    OPENSSL_free(point);
}

// CMS and TLS copy a key's parameters and set another public value on the copy.
TEST(Keys, CopiesOfParametersDoNotTouchTheKey) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        const auto key = loadPrivate(instance, "ec256");
        const p11::ossl::Pkey copy(EVP_PKEY_new());
        ASSERT_EQ(EVP_PKEY_copy_parameters(copy.get(), key.get()), 1) << takeErrors();
        unsigned char* point = nullptr;
        const auto other = loadPrivate(instance, "bare-ec");
        ASSERT_EQ(EVP_PKEY_eq(other.get(), publicKeyFromFile("bare-ec").get()), 1);
        const std::size_t size = EVP_PKEY_get1_encoded_public_key(other.get(), &point);
        ASSERT_EQ(size, 65U) << takeErrors();
        EXPECT_EQ(EVP_PKEY_set1_encoded_public_key(copy.get(), point, size), 1) << takeErrors();
        EXPECT_NE(EVP_PKEY_set1_encoded_public_key(key.get(), point, size), 1)
            << "a token's key is not changed";
        OPENSSL_free(point);
        EXPECT_EQ(EVP_PKEY_eq(copy.get(), publicKeyFromFile("bare-ec").get()), 1);
        EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1);
        EXPECT_TRUE(verify("ec256", sign(instance, key.get(), data), data));
        takeErrors();
    }
}

TEST(Keys, CanBeDuplicated) {
    const Instance instance;
    auto key = loadPrivate(instance, "rsa");
    const p11::ossl::Pkey copy(EVP_PKEY_dup(key.get()));
    ASSERT_TRUE(copy) << takeErrors();
    key.reset();
    EXPECT_TRUE(verify("rsa", sign(instance, copy.get(), data), data));
}

// Peers of a key agreement, and keys made with this provider's name in the query. Such a pair stays
// in memory.
TEST(Keys, AreMadeOfParametersInMemory) {
    const Instance instance;
    const auto software = privateKeyFromFile(instance.get(), "ec256");
    const CallCounter calls;
    for (const int selection : {EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY}) {
        OSSL_PARAM* values = nullptr;
        ASSERT_EQ(EVP_PKEY_todata(software.get(), selection, &values), 1);
        const p11::ossl::Params params(values);
        const p11::ossl::PkeyCtx maker(
            EVP_PKEY_CTX_new_from_name(instance.get(), "EC", "provider=pkcs11"));
        ASSERT_TRUE(maker);
        EVP_PKEY* made = nullptr;
        ASSERT_EQ(EVP_PKEY_fromdata_init(maker.get()), 1);
        EXPECT_EQ(EVP_PKEY_fromdata(maker.get(), &made, selection, params.get()), 1)
            << takeErrors();
        const p11::ossl::Pkey owner(made);
        EXPECT_EQ(EVP_PKEY_eq(made, publicKeyFromFile("ec256").get()), 1);
        const Bytes message(10, 'd');
        const auto signature = sign(instance, made, message);
        EXPECT_EQ(!signature.empty() && verify("ec256", signature, message),
                  selection == EVP_PKEY_KEYPAIR);
        takeErrors();
    }
    EXPECT_EQ(calls.total(), 0U) << calls.log();
}

TEST(Keys, HaveEveryAlgorithmComplete) {
    const Instance instance;
    for (const char* name :
         {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "rsaEncryption", "1.2.840.10045.2.1"}) {
        auto* keymgmt = EVP_KEYMGMT_fetch(instance.get(), name, "provider=pkcs11");
        EXPECT_NE(keymgmt, nullptr) << name;
        EVP_KEYMGMT_free(keymgmt);
    }
    for (const char* name : {"RSA", "ECDSA", "ED25519", "ED448"}) {
        auto* method = EVP_SIGNATURE_fetch(instance.get(), name, "provider=pkcs11");
        ASSERT_NE(method, nullptr) << name;
        EXPECT_NE(EVP_SIGNATURE_gettable_ctx_params(method), nullptr);
        // OpenSSL's own have had parameters of Edwards curves since 3.2.
        const bool takesNone =
            name[1] == 'D' && OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
        EXPECT_EQ(EVP_SIGNATURE_settable_ctx_params(method) == nullptr, takesNone) << name;
        EVP_SIGNATURE_free(method);
    }
    auto* cipher = EVP_ASYM_CIPHER_fetch(instance.get(), "RSA", "provider=pkcs11");
    ASSERT_NE(cipher, nullptr);
    EVP_ASYM_CIPHER_free(cipher);
}

// The token hides the exponent of the private key, and has no public key beside it.
TEST(Keys, DoNotInventAnExponent) {
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", "0x122"), CKR_OK);
    const Instance instance;
    const auto key = loadPrivate(instance, "bare-rsa");
    EXPECT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", nullptr), CKR_OK);
    BIGNUM* number = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &number), 0);
    EXPECT_EQ(number, nullptr);
    EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &number), 1) << takeErrors();
    EXPECT_EQ(BN_num_bits(number), 2048);
    BN_free(number);
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    EXPECT_NE(EVP_PKEY_print_params(out.get(), key.get(), 0, nullptr), 1);
    takeErrors();
}

TEST(Keys, WithoutAPublicHalfAreEqualToThemselvesAlone) {
    const Instance instance;
    const auto key = loadPrivate(instance, "bare-ec");
    const p11::ossl::Pkey copy(EVP_PKEY_dup(key.get()));
    ASSERT_TRUE(copy) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), copy.get()), 1) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), loadPrivate(instance, "bare-ec").get()), 1) << takeErrors();
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_CLASSES", "0x2"), CKR_OK);
    const auto other = loadPrivate(instance, "ec256");
    EXPECT_NE(EVP_PKEY_eq(key.get(), other.get()), 1);
    EXPECT_EQ(EVP_PKEY_eq(other.get(), loadPrivate(instance, "ec256").get()), 1) << takeErrors();
    EXPECT_EQ(module().configure("PKCS11_TEST_HIDE_CLASSES", nullptr), CKR_OK);
    takeErrors();
}

TEST(Keys, PassTheChecksOfPublicParts) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256"}) {
        const auto key = loadPrivate(instance, label);
        const p11::ossl::PkeyCtx checker(
            EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
        EXPECT_EQ(EVP_PKEY_public_check(checker.get()), 1) << label << takeErrors();
    }
}

} // namespace
