// SPDX-License-Identifier: Apache-2.0
// Limits of standards for what is signed. Each test is a process of its own.
#include <openssl/rsa.h>

#include "decryption.h"
#include "new_keys.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

/// An RSA pair on the token of which CKA_ALLOWED_MECHANISMS has one mechanism.
void makeRsaKeyFor(CK_MECHANISM_TYPE allowed, std::string label) {
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG bits = 1024;
    const std::vector<CK_ATTRIBUTE> common{{CKA_TOKEN, &yes, sizeof yes},
                                           {CKA_LABEL, label.data(), label.size()},
                                           {CKA_ID, label.data(), label.size()}};
    auto publicValues = common;
    publicValues.push_back({CKA_MODULUS_BITS, &bits, sizeof bits});
    auto privateValues = common;
    privateValues.push_back({CKA_SIGN, &yes, sizeof yes});
    privateValues.push_back({CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed});
    tokenWriter("scenarios").generatePair(CKM_RSA_PKCS_KEY_PAIR_GEN, publicValues, privateValues);
}

using AllowedMechanisms = NewKeys;

TEST_F(AllowedMechanisms, AreTheOnesThatAreUsed) {
    makeRsaKeyFor(CKM_SHA256_RSA_PKCS, "fresh");
    const Instance instance;
    const auto key = loadPrivate(instance, "fresh");
    ASSERT_TRUE(verifies("fresh", sign(instance, key.get(), newKeysData), "SHA256"))
        << takeErrors();
    const CallCounter calls;
    ASSERT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
    EXPECT_EQ(calls.of("C_SignInit"), 1U) << calls.log();
}

/// A signature of PKCS#1 v1.5 over bytes as they are; its size, or 0.
std::size_t signsBytes(const Instance& instance, EVP_PKEY* key, std::size_t count) {
    const Bytes data(count, 0x5a);
    Bytes signature(512);
    std::size_t size = signature.size();
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    return EVP_PKEY_sign_init(context.get()) == 1 &&
                   EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                   EVP_PKEY_sign(context.get(), signature.data(), &size, data.data(),
                                 data.size()) == 1
               ? size
               : 0;
}

// RFC 8017, section 9.2
TEST(DataForPkcs1, IsElevenBytesShorterThanTheModulusAtMost) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_EQ(signsBytes(instance, key.get(), 245), 256U) << takeErrors();
    EXPECT_EQ(signsBytes(instance, key.get(), 246), 0U);
    EXPECT_NE(takeErrors().find("too long for the RSA key"), std::string::npos);
}

// RFC 8017, section 9.1, and FIPS 186-5, section 5.4: no longer than the digest.
TEST(SaltOfPss, IsAsLongAsTheDigestWhereNobodySaysMore) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    const Bytes data{1, 2, 3};
    Bytes signature(256);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
    ASSERT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()), 1)
        << takeErrors();
    const p11::ossl::MdCtx verifier(EVP_MD_CTX_new());
    const auto publicKey = publicKeyFromFile("rsa");
    ASSERT_EQ(EVP_DigestVerifyInit_ex(verifier.get(), &options, "SHA256", defaultOnly(), nullptr,
                                      publicKey.get(), nullptr),
              1);
    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    EXPECT_EQ(EVP_DigestVerify(verifier.get(), signature.data(), size, data.data(), data.size()), 1)
        << takeErrors();
}

TEST(Digest, IsNotChangedWhileDataIsHashed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    char other[] = "SHA384";
    const std::array params{OSSL_PARAM_construct_utf8_string("digest", other, 0),
                            OSSL_PARAM_construct_end()};
    EXPECT_NE(EVP_PKEY_CTX_set_params(options, params.data()), 1);
    EXPECT_NE(takeErrors().find("cannot be changed while data is hashed"), std::string::npos);
}

} // namespace
