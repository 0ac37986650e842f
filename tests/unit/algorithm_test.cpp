// SPDX-License-Identifier: Apache-2.0
// Encodings of algorithms and signatures, against values from the standards or made by OpenSSL.
#include <algorithm>

#include <gtest/gtest.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "ossl/core.h"
#include "ossl/ecdsa_der.h"
#include "pkcs11/attributes.h"
#include "pkcs11/error.h"
#include "pkcs11/mechanism.h"
#include "signature/algorithm_id.h"
#include "signature/rsa_encoding.h"

namespace {

using p11::pkcs11::Bytes;

// The same by OpenSSL's own template.
Bytes digestInfoByOpenSsl(int oid, const Bytes& hash) {
    const p11::ossl::Owner<X509_SIG, X509_SIG_free> info(X509_SIG_new());
    X509_ALGOR* algorithm = nullptr;
    ASN1_OCTET_STRING* octets = nullptr;
    X509_SIG_getm(info.get(), &algorithm, &octets);
    X509_ALGOR_set0(algorithm, OBJ_nid2obj(oid), V_ASN1_NULL, nullptr);
    ASN1_OCTET_STRING_set(octets, hash.data(), static_cast<int>(hash.size()));
    Bytes der(static_cast<std::size_t>(i2d_X509_SIG(info.get(), nullptr)));
    unsigned char* position = der.data();
    i2d_X509_SIG(info.get(), &position);
    return der;
}

Bytes digestInfo(const EVP_MD* digest, const Bytes& hash) {
    p11::signature::DigestInfo out;
    const auto part = p11::signature::digestInfo(digest, hash, out);
    return {part.begin(), part.end()};
}

TEST(DigestInfo, IsWhatOpenSslWrites) {
    for (const EVP_MD* digest : {EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512(),
                                 EVP_sha512_224(), EVP_sha512_256(), EVP_sha3_224(), EVP_sha3_256(),
                                 EVP_sha3_384(), EVP_sha3_512(), EVP_ripemd160(), EVP_md5()}) {
        const Bytes hash(static_cast<std::size_t>(EVP_MD_get_size(digest)), 0xAB);
        EXPECT_EQ(digestInfo(digest, hash), digestInfoByOpenSsl(EVP_MD_get_type(digest), hash))
            << EVP_MD_get0_name(digest);
    }
}

// As OpenSSL 3.4 and later have it in their signatures.
TEST(DigestInfo, HasTheSignaturesIdentifierForSm3) {
    const Bytes hash(32, 0xAB);
    EXPECT_EQ(digestInfo(EVP_sm3(), hash), digestInfoByOpenSsl(NID_sm3WithRSAEncryption, hash));
}

TEST(DigestInfo, LeavesTheTlsHashAlone) {
    const Bytes hash(36, 1);
    EXPECT_EQ(digestInfo(EVP_md5_sha1(), hash), hash);
}

TEST(DigestInfo, RefusesDigestsWithoutAnIdentifier) {
    EXPECT_THROW(digestInfo(EVP_md_null(), {}), p11::ossl::UsageError);
}

TEST(Pkcs1Encode, FillsTheBlockAndRefusesTooMuch) {
    const Bytes data(20, 7);
    const auto block = p11::signature::pkcs1Encode(data, 64);
    ASSERT_EQ(block.size(), 64U);
    EXPECT_EQ(block[0], 0);
    EXPECT_EQ(block[1], 1);
    EXPECT_EQ(block[2], 0xFF);
    EXPECT_EQ(block[64 - 21], 0);
    EXPECT_NO_THROW(p11::signature::pkcs1Encode(Bytes(53, 7), 64));
    EXPECT_THROW(p11::signature::pkcs1Encode(Bytes(54, 7), 64), p11::ossl::UsageError);
}

TEST(AlgorithmId, OfAnAlgorithmWithoutParametersIsItsName) {
    EXPECT_EQ(p11::signature::algorithmIdOf(NID_ED25519),
              (Bytes{0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70}));
}

Bytes ecdsaToDer(const Bytes& raw) {
    Bytes out(256);
    out.resize(p11::ossl::ecdsaToDer(raw, out));
    return out;
}

TEST(EcdsaDer, WritesMinimalIntegers) {
    const Bytes raw{0x00, 0x01, 0x80, 0x00}; // r = 1, s = 0x8000
    EXPECT_EQ(ecdsaToDer(raw), (Bytes{0x30, 0x08, 0x02, 0x01, 0x01, 0x02, 0x03, 0x00, 0x80, 0x00}));
    EXPECT_TRUE(ecdsaToDer(Bytes{1, 2, 3}).empty());
    EXPECT_TRUE(ecdsaToDer(Bytes{}).empty());
}

TEST(EcdsaDer, IsWhatOpenSslWrites) {
    // Halves up to those of the longest curve, with every number of leading zeros.
    for (std::size_t half = 1; half <= 72; ++half)
        for (std::size_t zeros = 0; zeros <= half; ++zeros) {
            Bytes raw(2 * half);
            RAND_bytes(raw.data(), static_cast<int>(raw.size()));
            std::fill_n(raw.begin(), zeros, static_cast<unsigned char>(0));
            const p11::ossl::Owner<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
            ECDSA_SIG_set0(signature.get(), BN_bin2bn(raw.data(), static_cast<int>(half), nullptr),
                           BN_bin2bn(raw.data() + half, static_cast<int>(half), nullptr));
            Bytes expected(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
            unsigned char* position = expected.data();
            i2d_ECDSA_SIG(signature.get(), &position);
            EXPECT_EQ(ecdsaToDer(raw), expected);
        }
}

TEST(EcdsaDer, StaysInItsBuffer) {
    const Bytes raw(64, 0xFF);
    Bytes exact(72);
    EXPECT_EQ(p11::ossl::ecdsaToDer(raw, exact), 72U);
    Bytes small(71);
    EXPECT_EQ(p11::ossl::ecdsaToDer(raw, small), 0U);
}

TEST(HashMechanisms, KnowOpenSslsNames) {
    ASSERT_NE(p11::pkcs11::hashMechanisms("SHA2-256"), nullptr);
    EXPECT_EQ(p11::pkcs11::hashMechanisms("SHA2-256")->rsaPkcs, CKM_SHA256_RSA_PKCS);
    EXPECT_EQ(p11::pkcs11::hashMechanisms("RIPEMD-160"), nullptr);
    EXPECT_TRUE(p11::pkcs11::isPss(CKM_SHA512_RSA_PKCS_PSS));
    EXPECT_FALSE(p11::pkcs11::isPss(CKM_SHA512_RSA_PKCS));
}

TEST(Errors, NameTheFunctionTheResultAndTheThing) {
    const auto error = p11::pkcs11::callFailed("C_Sign", CKR_DEVICE_REMOVED, "key \"a\"");
    EXPECT_STREQ(error.what(), "C_Sign answered CKR_DEVICE_REMOVED (key \"a\")");
    EXPECT_EQ(p11::pkcs11::rvName(0x80000123), "CKR_0x80000123");
}

TEST(Attributes, AreCheckedBeforeTheyAreBelieved) {
    p11::pkcs11::Attributes attributes;
    attributes.set(CKA_CLASS, Bytes{1, 2});
    attributes.set(CKA_ALLOWED_MECHANISMS, Bytes(12));
    attributes.set(CKA_SIGN, Bytes(8));
    EXPECT_FALSE(attributes.number(CKA_CLASS));
    EXPECT_TRUE(attributes.mechanisms(CKA_ALLOWED_MECHANISMS).empty());
    EXPECT_TRUE(attributes.allow(CKM_ECDSA));
    EXPECT_TRUE(attributes.flag(CKA_SIGN, true));
    EXPECT_FALSE(attributes.has(CKA_ID));
}

} // namespace
