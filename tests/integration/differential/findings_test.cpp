// SPDX-License-Identifier: Apache-2.0
// What the differential test has found, each with the right value: a token's key and the same key
// in software give it.
#include <functional>
#include <optional>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "keys.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

void onBothSides(const std::function<void(Side&)>& body) {
    SoftwareSide software;
    TokenSide token(Order::defaultFirst);
    for (Side* side : std::initializer_list<Side*>{&software, &token}) {
        SCOPED_TRACE(side->onToken() ? "on the token" : "in software");
        body(*side);
        ERR_clear_error();
    }
}

p11::ossl::PkeyCtx contextFor(Side& side, const std::string& key) {
    return p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(side.libctx(), side.key(key), nullptr));
}

int signInto(EVP_PKEY_CTX* context, std::size_t hashSize) {
    Bytes signature(512);
    std::size_t size = signature.size();
    const Bytes hash(hashSize, 1);
    return EVP_PKEY_sign(context, signature.data(), &size, hash.data(), hash.size());
}

TEST(Findings, WhatIsNoEcdsaSignatureIsAnErrorAndNoBadOne) {
    onBothSides([](Side& side) {
        const auto context = contextFor(side, "P-256");
        const Bytes hash(32);
        const Bytes garbage(20, 0xff);
        ASSERT_EQ(EVP_PKEY_verify_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_verify(context.get(), garbage.data(), garbage.size(), hash.data(), 32),
                  -1);
        const p11::ossl::MdCtx data(EVP_MD_CTX_new());
        ASSERT_EQ(EVP_DigestVerifyInit_ex(data.get(), nullptr, "SHA256", side.libctx(), nullptr,
                                          side.key("P-256"), nullptr),
                  1);
        EXPECT_EQ(EVP_DigestVerify(data.get(), garbage.data(), garbage.size(), hash.data(), 32),
                  -1);
    });
}

TEST(Findings, NothingIsRecoveredFromPss) {
    onBothSides([](Side& side) {
        EXPECT_EQ(EVP_PKEY_verify_recover_init(contextFor(side, "rsapss").get()), 0);
        const auto context = contextFor(side, "rsa1024");
        ASSERT_EQ(EVP_PKEY_verify_recover_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING), 0);
    });
}

TEST(Findings, WhatIsRecoveredNeedsNoMoreRoomThanItHas) {
    const p11::ossl::PkeyCtx signer(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), softwareKey("rsa1024"), nullptr));
    const Bytes hash(32, 7);
    Bytes signature(128);
    std::size_t size = signature.size();
    EVP_PKEY_sign_init(signer.get());
    EVP_PKEY_CTX_set_signature_md(signer.get(), EVP_sha256());
    ASSERT_EQ(EVP_PKEY_sign(signer.get(), signature.data(), &size, hash.data(), hash.size()), 1);
    onBothSides([&](Side& side) {
        const auto context = contextFor(side, "rsa1024");
        Bytes recovered(40);
        auto room = recovered.size();
        ASSERT_EQ(EVP_PKEY_verify_recover_init(context.get()), 1);
        ASSERT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()), 1);
        EXPECT_EQ(EVP_PKEY_verify_recover(context.get(), recovered.data(), &room, signature.data(),
                                          signature.size()),
                  1);
        recovered.resize(room);
        EXPECT_EQ(recovered, hash);
    });
}

TEST(Findings, ADigestNeedsAPadding) {
    onBothSides([](Side& side) {
        const auto context = contextFor(side, "rsa1024");
        ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING), 0);
        const auto other = contextFor(side, "rsa1024");
        ASSERT_EQ(EVP_PKEY_sign_init(other.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(other.get(), RSA_NO_PADDING), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(other.get(), EVP_sha256()), 0);
    });
}

TEST(Findings, PssSetsSha1WhereNoDigestIsSetAndPkcs1KeepsIt) {
    onBothSides([](Side& side) {
        const auto context = contextFor(side, "rsa1024");
        const EVP_MD* digest = nullptr;
        ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING), 1);
        ASSERT_EQ(EVP_PKEY_CTX_get_signature_md(context.get(), &digest), 1);
        EXPECT_STREQ(EVP_MD_get0_name(digest), "SHA1");
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING), 1);
        EXPECT_EQ(signInto(context.get(), 20), 1);
        EXPECT_EQ(signInto(context.get(), 32), 0);
    });
}

TEST(Findings, AnRsaPssKeySignsNothingWithoutADigest) {
    onBothSides([](Side& side) {
        const auto context = contextFor(side, "rsapss");
        ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
        EXPECT_LE(signInto(context.get(), 20), 0);
    });
}

TEST(Findings, NoDigestIsNotTakenForOne) {
    onBothSides([](Side& side) {
        for (const char* key : {"rsa1024", "P-256"}) {
            const auto context = contextFor(side, key);
            ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), nullptr), 0) << key;
        }
    });
}

// OpenSSL 3.5 refuses it, and so does the token's key then.
TEST(Findings, TheDigestNullIsOfNoSizeForEcdsa) {
    std::optional<int> inSoftware;
    onBothSides([&inSoftware](Side& side) {
        const auto context = contextFor(side, "P-256");
        ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
        const p11::ossl::Md null(EVP_MD_fetch(defaultOnly(), "NULL", nullptr));
        const int taken = EVP_PKEY_CTX_set_signature_md(context.get(), null.get());
        EXPECT_EQ(taken, inSoftware.value_or(taken));
        inSoftware = taken;
        if (taken == 1) {
            EXPECT_EQ(signInto(context.get(), 72), 1);
        }
    });
}

// OpenSSL has had parameters of Edwards curves since 3.2, and passes over unknown ones.
TEST(Findings, EdwardsCurvesHaveParametersWhereOpenSslHasThem) {
    const int expected = OPENSSL_version_minor() < 2 && OPENSSL_version_major() == 3 ? 0 : 1;
    onBothSides([expected](Side& side) {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* options = nullptr;
        ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &options, nullptr, side.libctx(), nullptr,
                                        side.key("ED25519"), nullptr),
                  1);
        EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(options, EVP_sha256()), expected);
    });
}

TEST(Findings, AnOperationBeginsWithTheDefaults) {
    onBothSides([](Side& side) {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* options = nullptr;
        const auto begin = [&](EVP_PKEY* key) {
            return EVP_DigestSignInit_ex(context.get(), &options, "SHA256", side.libctx(), nullptr,
                                         key, nullptr);
        };
        ASSERT_EQ(begin(side.key("rsa1024")), 1);
        ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
        ASSERT_EQ(begin(nullptr), 1);
        int padding = 0;
        EXPECT_GT(EVP_PKEY_CTX_get_rsa_padding(options, &padding), 0);
        EXPECT_EQ(padding, RSA_PKCS1_PADDING);
    });
}

TEST(Findings, AnRsaPssKeyDoesNotDecrypt) {
    onBothSides([](Side& side) {
        EXPECT_LE(EVP_PKEY_decrypt_init(contextFor(side, "rsapss").get()), 0);
        EXPECT_LE(EVP_PKEY_encrypt_init(contextFor(side, "rsapss").get()), 0);
    });
}

TEST(Findings, TheSizeOfAKdfsOutputNeedsNoPeer) {
    onBothSides([](Side& side) {
        const auto context = contextFor(side, "P-256");
        ASSERT_EQ(EVP_PKEY_derive_init(context.get()), 1);
        ASSERT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_type(context.get(), EVP_PKEY_ECDH_KDF_X9_63), 1);
        std::size_t size = 0;
        ASSERT_EQ(EVP_PKEY_CTX_set_ecdh_kdf_outlen(context.get(), 33), 1);
        EXPECT_EQ(EVP_PKEY_derive(context.get(), nullptr, &size), 1);
        EXPECT_EQ(size, 33U);
    });
}

} // namespace
