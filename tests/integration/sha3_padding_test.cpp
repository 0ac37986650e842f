// SPDX-License-Identifier: Apache-2.0
// PSS and OAEP with SHA-3 on a token that has them (PKCS#11 3.0): the token pads, and is told the
// right hashes. The test module stands for such a token, with OpenSSL and the same key.
#include <array>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "decryption.h"

namespace {

using namespace testing_support;

/// PKCS#11 3.0, sections 2.1 and A.
struct Numbers {
    const char* digest;
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf;
};
constexpr std::array known{Numbers{"SHA3-224", 0x2B5, 6}, Numbers{"SHA3-256", 0x2B0, 7},
                           Numbers{"SHA3-384", 0x2C0, 8}, Numbers{"SHA3-512", 0x2D0, 9},
                           Numbers{"SHA256", CKM_SHA256, CKG_MGF1_SHA256}};

template <typename Number>
const char* nameOf(Number number, Number Numbers::*member) {
    const auto* found = std::ranges::find(known, number, member);
    return found != known.end() ? found->digest : "an unknown number";
}

int askedToken = 0; ///< how often the token padded

p11::ossl::PkeyCtx tokensKey() {
    return p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(
        defaultOnly(), privateKeyFromFile(defaultOnly(), "rsa").get(), nullptr));
}

CK_RV signPss(const CK_RSA_PKCS_PSS_PARAMS* params, const unsigned char* data, CK_ULONG size,
              unsigned char* signature, CK_ULONG* signatureSize) {
    ++askedToken;
    const auto context = tokensKey();
    const p11::ossl::Md md(
        EVP_MD_fetch(defaultOnly(), nameOf(params->hashAlg, &Numbers::hash), nullptr));
    const bool good =
        EVP_PKEY_sign_init(context.get()) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) == 1 && md &&
        EVP_PKEY_CTX_set_signature_md(context.get(), md.get()) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(context.get(), nameOf(params->mgf, &Numbers::mgf),
                                          nullptr) == 1 &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), static_cast<int>(params->sLen)) == 1 &&
        EVP_PKEY_sign(context.get(), signature, signatureSize, data, size) == 1;
    return good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV decryptOaep(const CK_RSA_PKCS_OAEP_PARAMS* params, const unsigned char* data, CK_ULONG size,
                  unsigned char* out, CK_ULONG* outSize) {
    ++askedToken;
    const auto context = tokensKey();
    const CipherOptions options{RSA_PKCS1_OAEP_PADDING,
                                nameOf(params->hashAlg, &Numbers::hash),
                                nameOf(params->mgf, &Numbers::mgf),
                                {}};
    EXPECT_EQ(params->ulSourceDataLen, 0U) << "the host removes the padding where there is a label";
    EXPECT_EQ(EVP_PKEY_decrypt_init(context.get()), 1);
    configure(context.get(), options);
    return EVP_PKEY_decrypt(context.get(), out, outSize, data, size) == 1
               ? CKR_OK
               : CKR_ENCRYPTED_DATA_INVALID;
}

class Sha3Padding : public ::testing::TestWithParam<Numbers> {
  protected:
    void SetUp() override {
        answer(signPss, decryptOaep, CK_TRUE);
        askedToken = 0;
    }
    void TearDown() override {
        answer(nullptr, nullptr, CK_FALSE);
        resetModule("PKCS11_TEST_HIDE_MECHANISMS");
    }
    static void answer(test_module_pss* sign, test_module_oaep* decrypt, CK_BBOOL listed) {
        module().control<void(test_module_pss*, test_module_oaep*, CK_BBOOL)>(
            "test_module_answer_sha3")(sign, decrypt, listed);
    }
    void expectPss(const char* mgf1) const;
    void expectOaep(const char* mgf1) const;
    const Instance instance;
    const p11::ossl::Pkey key = loadPrivate(instance, "rsa");
    const Bytes message = randomBytes(60);
};
INSTANTIATE_TEST_SUITE_P(All, Sha3Padding,
                         ::testing::Values(known[0], known[1], known[2], known[3]),
                         [](const auto& given) {
                             return "Sha3_" + std::string(given.param.digest).substr(5);
                         });

void Sha3Padding::expectPss(const char* mgf1) const {
    const auto start = [&](auto init, EVP_MD_CTX* context, OSSL_LIB_CTX* libctx, EVP_PKEY* with) {
        EVP_PKEY_CTX* options = nullptr;
        EXPECT_EQ(init(context, &options, GetParam().digest, libctx, nullptr, with, nullptr), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, mgf1, nullptr), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 17), 1);
    };
    Bytes signature(256);
    std::size_t size = signature.size();
    const p11::ossl::MdCtx signer(EVP_MD_CTX_new());
    start(EVP_DigestSignInit_ex, signer.get(), instance.get(), key.get());
    const CallCounter calls;
    EXPECT_EQ(EVP_DigestSign(signer.get(), signature.data(), &size, message.data(), message.size()),
              1)
        << takeErrors();
    EXPECT_EQ(calls.of("C_SignInit"), 1U) << calls.log();
    const auto half = publicKeyFromFile("rsa");
    const p11::ossl::MdCtx verifier(EVP_MD_CTX_new());
    start(EVP_DigestVerifyInit_ex, verifier.get(), defaultOnly(), half.get());
    EXPECT_EQ(
        EVP_DigestVerify(verifier.get(), signature.data(), size, message.data(), message.size()), 1)
        << mgf1;
}

void Sha3Padding::expectOaep(const char* mgf1) const {
    const CipherOptions options{RSA_PKCS1_OAEP_PADDING, GetParam().digest, mgf1, {}};
    const CallCounter calls;
    EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, options), options), message)
        << takeErrors();
    EXPECT_EQ(calls.of("C_DecryptInit"), 1U) << calls.log();
    auto bad = encrypt(message, options);
    bad[100] ^= 1;
    EXPECT_FALSE(decrypt(instance, key.get(), bad, options));
    EXPECT_EQ(takeErrors(), "invalid data: decryption failed\n");
}

TEST_P(Sha3Padding, OfPssIsTheTokens) {
    expectPss(GetParam().digest);
    expectPss("SHA256");
    EXPECT_EQ(askedToken, 2);
}

TEST_P(Sha3Padding, OfOaepIsTheTokens) {
    expectOaep(GetParam().digest);
    expectOaep("SHA256");
    EXPECT_EQ(askedToken, 4);
}

// opencryptoki 3.23 takes such parameters of OAEP, and fails in C_Decrypt, whose answer may not be
// judged.
TEST_P(Sha3Padding, IsTheHostsIfTheTokenDoesNotListTheDigest) {
    answer(signPss, decryptOaep, CK_FALSE);
    expectPss(GetParam().digest);
    expectOaep(GetParam().digest);
    EXPECT_EQ(askedToken, 0);
}

TEST_P(Sha3Padding, OfTheMgf1IsTheHostsToo) {
    const CipherOptions options{RSA_PKCS1_OAEP_PADDING, "SHA256", GetParam().digest, {}};
    answer(signPss, decryptOaep, CK_FALSE);
    const CallCounter calls;
    EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, options), options), message)
        << takeErrors();
    EXPECT_EQ(calls.of("C_DecryptInit"), 1U) << calls.log();
}

TEST_P(Sha3Padding, IsLeftToTheTokenWhereThereIsNoRawRsa) {
    answer(signPss, decryptOaep, CK_FALSE);
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", "0x3"); // CKM_RSA_X_509
    expectPss(GetParam().digest);
    expectOaep(GetParam().digest);
    EXPECT_EQ(askedToken, 3);
}

} // namespace
