// SPDX-License-Identifier: Apache-2.0
// RSA keys that sign with PSS padding alone: what the certificate beside one says makes it "RSA" or
// "RSA-PSS", its private half and its public one alike.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "agreement.h"
#include "operations.h"

namespace {

using namespace testing_support;

const Bytes message = randomBytes(100);
const std::string forPss = "&x-key-type=RSA-PSS";

bool is(const p11::ossl::Pkey& key, const char* type) {
    return key != nullptr && EVP_PKEY_is_a(key.get(), type) == 1;
}

bool signs(OSSL_LIB_CTX* libctx, EVP_PKEY* key, int padding) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Bytes signature(256);
    std::size_t size = signature.size();
    return EVP_DigestSignInit_ex(context.get(), &options, "SHA256", libctx, nullptr, key,
                                 nullptr) == 1 &&
           (padding == 0 || EVP_PKEY_CTX_set_rsa_padding(options, padding) == 1) &&
           EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) ==
               1;
}

/// The same public key, in software and of the type `type`.
p11::ossl::Pkey softwareHalf(EVP_PKEY* key, const char* type) {
    BIGNUM* number = nullptr;
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    std::vector<p11::ossl::Bignum> owned;
    for (const char* name : {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E}) {
        number = nullptr;
        EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1) << takeErrors();
        owned.emplace_back(number);
        OSSL_PARAM_BLD_push_BN(builder.get(), name, number);
    }
    const p11::ossl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(defaultOnly(), type, nullptr));
    EVP_PKEY* made = nullptr;
    EXPECT_TRUE(EVP_PKEY_fromdata_init(maker.get()) == 1 &&
                EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) == 1)
        << takeErrors();
    return p11::ossl::Pkey(made);
}

/// As an authority issues it, which has its own key.
Bytes certificateOf(EVP_PKEY* half) {
    const p11::ossl::Certificate certificate(X509_new_ex(defaultOnly(), nullptr));
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("pss"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    EXPECT_EQ(X509_set_pubkey(certificate.get(), half), 1) << takeErrors();
    const auto authority = privateKeyFromFile(defaultOnly(), "rsa3072");
    const p11::ossl::Md digest(EVP_MD_fetch(defaultOnly(), "SHA256", nullptr));
    EXPECT_GT(X509_sign(certificate.get(), authority.get(), digest.get()), 0) << takeErrors();
    return derOf(certificate.get());
}

p11::ossl::Certificate read(OSSL_LIB_CTX* libctx, const Bytes& der) {
    X509* certificate = X509_new_ex(libctx, nullptr);
    const unsigned char* position = der.data();
    d2i_X509(&certificate, &position, static_cast<long>(der.size()));
    return p11::ossl::Certificate(certificate);
}

class PssKeys : public ::testing::Test {
  protected:
    ~PssKeys() override {
        if (isWritten)
            tokenWriter("scenarios").destroy("beside");
    }

    p11::ossl::Pkey privateKey(const std::string& more = {}) const {
        return load(instance, uriOf("pssonly") + more);
    }
    p11::ossl::Pkey publicKey(const std::string& more = {}) const {
        return load(instance, uriOf("pssonly", "public") + more, OSSL_STORE_INFO_PUBKEY);
    }

    /// A certificate of `half` with the key's id.
    void putCertificate(EVP_PKEY* half) {
        auto der = certificateOf(half);
        put({{CKA_VALUE, der.data(), der.size()}});
    }
    void put(std::vector<CK_ATTRIBUTE> values) {
        CK_BBOOL no = CK_FALSE;
        Bytes id{0x11};
        Bytes subject{0x30, 0x00};
        values.insert(values.end(), {{CKA_PRIVATE, &no, sizeof no},
                                     {CKA_SUBJECT, subject.data(), subject.size()},
                                     {CKA_ID, id.data(), id.size()}});
        isWritten = true;
        tokenWriter("scenarios").createCertificate("beside", values);
    }

    const Instance instance;
    bool isWritten = false;
};

TEST_F(PssKeys, AreRsaKeysThatRefuseOtherPaddingWhereNothingTellsMore) {
    const auto key = privateKey();
    ASSERT_TRUE(is(key, "RSA")) << takeErrors();
    EXPECT_TRUE(is(publicKey(), "RSA"));
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKey().get()), 1);
    EXPECT_TRUE(signs(instance.get(), key.get(), RSA_PKCS1_PSS_PADDING)) << takeErrors();
    const CallCounter calls;
    for (const int padding : {0, RSA_PKCS1_PADDING}) {
        EXPECT_FALSE(signs(instance.get(), key.get(), padding));
        EXPECT_NE(takeErrors().find("signs only with PSS padding"), std::string::npos);
    }
    EXPECT_EQ(calls.total(), 0U) << calls.log();
}

TEST_F(PssKeys, ServeTlsWithTheCertificatesThatPublicAuthoritiesIssue) {
    const auto key = privateKey();
    const auto certificate =
        read(instance.get(), certificateOf(softwareHalf(key.get(), "RSA").get()));
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION})
        expectHandshake(instance, key.get(), certificate.get(), version);
}

TEST_F(PssKeys, AreWhatTheCertificateBesideThemSays) {
    const auto half = publicKey();
    for (const char* type : {"RSA-PSS", "RSA"}) {
        putCertificate(softwareHalf(half.get(), type).get());
        const auto key = privateKey();
        EXPECT_TRUE(is(key, type)) << type << takeErrors();
        EXPECT_TRUE(is(publicKey(), type)) << type << takeErrors();
        const auto certificate =
            read(instance.get(), certificateOf(softwareHalf(half.get(), type).get()));
        EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1) << takeErrors();
        for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION})
            expectHandshake(instance, key.get(), certificate.get(), version);
        tokenWriter("scenarios").destroy("beside");
    }
}

// Ids are not always kept unique.
TEST_F(PssKeys, BelieveNoCertificateOfAnotherKey) {
    putCertificate(softwareHalf(publicKeyFromFile("rsa").get(), "RSA-PSS").get());
    EXPECT_TRUE(is(privateKey(), "RSA")) << takeErrors();
    EXPECT_TRUE(is(publicKey(), "RSA")) << takeErrors();
}

TEST_F(PssKeys, AreWhatTheUriSays) {
    const auto half = publicKey();
    const auto forced = privateKey(forPss);
    EXPECT_TRUE(is(forced, "RSA-PSS")) << takeErrors();
    EXPECT_TRUE(is(publicKey(forPss), "RSA-PSS")) << takeErrors();
    EXPECT_TRUE(signs(instance.get(), forced.get(), 0)) << takeErrors();
    const auto fromFile =
        read(instance.get(), certificateOf(softwareHalf(half.get(), "RSA-PSS").get()));
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION})
        expectHandshake(instance, forced.get(), fromFile.get(), version);
    putCertificate(softwareHalf(half.get(), "RSA-PSS").get());
    EXPECT_TRUE(is(privateKey("&x-key-type=RSA"), "RSA")) << takeErrors();
    EXPECT_TRUE(is(publicKey("&x-key-type=RSA"), "RSA")) << takeErrors();
    EXPECT_TRUE(is(load(instance, uriOf("rsa") + forPss), "RSA-PSS")) << takeErrors();
}

// The public half comes from the certificate alone, which says otherwise.
TEST_F(PssKeys, AreWhatTheUriSaysThoughTheirCertificateIsOfTheOtherType) {
    const std::string certificate = uriOf("rsa", "cert");
    EXPECT_TRUE(is(load(instance, certificate, OSSL_STORE_INFO_PUBKEY), "RSA"));
    EXPECT_TRUE(is(load(instance, certificate + forPss, OSSL_STORE_INFO_PUBKEY), "RSA-PSS"))
        << takeErrors();
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", "0x122"), CKR_OK);
    const auto forced = load(instance, uriOf("rsa") + forPss);
    ASSERT_TRUE(is(forced, "RSA-PSS")) << takeErrors();
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(forced.get(), &der);
    ASSERT_GT(size, 0) << takeErrors();
    const auto* at = static_cast<const unsigned char*>(der);
    const p11::ossl::Pkey written(d2i_PUBKEY_ex(nullptr, &at, size, defaultOnly(), nullptr));
    OPENSSL_free(der);
    EXPECT_TRUE(is(written, "RSA-PSS"));
    EXPECT_EQ(EVP_PKEY_eq(forced.get(), written.get()), 1) << takeErrors();
    module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", nullptr);
}

TEST_F(PssKeys, AreWhatTheDirectiveSaysUnlessTheUriSaysOtherwise) {
    for (const auto& [value, type] :
         {std::pair{"RSA-PSS", "RSA-PSS"}, {"RSA", "RSA"}, {"auto", "RSA"}}) {
        const ConfiguredContext configured("pkcs11-pss-only-keys = " + std::string(value));
        EXPECT_TRUE(is(load(configured.get(), uriOf("pssonly")), type)) << value << takeErrors();
        EXPECT_TRUE(is(load(configured.get(), uriOf("rsa")), "RSA")) << takeErrors();
        EXPECT_TRUE(is(load(configured.get(), uriOf("pssonly") + "&x-key-type=RSA"), "RSA"));
    }
    const ConfiguredContext wrong("pkcs11-pss-only-keys = PSS");
    EXPECT_FALSE(load(wrong.get(), uriOf("pssonly")));
    EXPECT_NE(takeErrors().find("pkcs11-pss-only-keys"), std::string::npos);
}

TEST_F(PssKeys, AreFoundAgainAfterALoss) {
    const auto key = privateKey();
    ASSERT_TRUE(signs(instance.get(), key.get(), RSA_PKCS1_PSS_PADDING)) << takeErrors();
    fault("C_Sign", "1", CKR_DEVICE_REMOVED);
    EXPECT_TRUE(signs(instance.get(), key.get(), RSA_PKCS1_PSS_PADDING)) << takeErrors();
    noFaults();
}

// It is not asked for a signature that it would refuse.
TEST_F(PssKeys, WithoutAModulusAreFoundAgainAfterALoss) {
    ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", "no-private-modulus"), CKR_OK);
    const auto key = privateKey();
    ASSERT_TRUE(signs(instance.get(), key.get(), RSA_PKCS1_PSS_PADDING)) << takeErrors();
    fault("C_Sign", "1", CKR_DEVICE_REMOVED);
    const CallCounter calls;
    EXPECT_TRUE(signs(instance.get(), key.get(), RSA_PKCS1_PSS_PADDING)) << takeErrors();
    EXPECT_EQ(calls.of("C_SignInit"), 2U) << calls.log();
    noFaults();
    module().configure("PKCS11_TEST_QUIRK", nullptr);
}

// A key's type costs nothing where its attributes leave no doubt.
TEST_F(PssKeys, AloneCostASearchForTheirCertificate) {
    ASSERT_TRUE(privateKey());
    const CallCounter calls;
    ASSERT_TRUE(load(instance, uriOf("rsa")));
    EXPECT_EQ(calls.of("C_FindObjectsInit"), 1U) << calls.log();
}

} // namespace
