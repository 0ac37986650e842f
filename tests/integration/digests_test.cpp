// SPDX-License-Identifier: Apache-2.0
// Every digest that there is, in every place that takes one, beside OpenSSL's default provider:
// what it takes is taken, and works; what it refuses is refused.
#include <set>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "agreement.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(50);

// Those of the default provider, by their first names; with "NULL", whose hash has no bytes.
std::set<std::string> allDigests() {
    std::set<std::string> names;
    EVP_MD_do_all_provided(
        defaultOnly(),
        [](EVP_MD* digest, void* list) {
            static_cast<std::set<std::string>*>(list)->insert(EVP_MD_get0_name(digest));
        },
        &names);
    EXPECT_GT(names.size(), 10U);
    return names;
}

struct Use {
    const char* name;
    const char* key;
    bool pss;
    const char* hash; ///< what is hashed with where the digest is MGF1's; else null
};

bool configure(EVP_PKEY_CTX* options, const Use& use, const std::string& digest) {
    return !use.pss || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                        (use.hash == nullptr ||
                         EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, digest.c_str(), nullptr) == 1));
}

/// Empty where it is refused.
Bytes signWith(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const Use& use, const std::string& digest) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Bytes signature(512);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit_ex(context.get(), &options,
                              use.hash != nullptr ? use.hash : digest.c_str(), libctx, nullptr, key,
                              nullptr) != 1 ||
        !configure(options, use, digest) ||
        EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

bool verifyWith(const Use& use, const std::string& digest, const Bytes& signature) {
    const auto key = publicKeyFromFile(use.key);
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    return EVP_DigestVerifyInit_ex(context.get(), &options,
                                   use.hash != nullptr ? use.hash : digest.c_str(), defaultOnly(),
                                   nullptr, key.get(), nullptr) == 1 &&
           configure(options, use, digest) &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                            data.size()) == 1;
}

class DigestsOfSignatures : public ::testing::TestWithParam<Use> {};
INSTANTIATE_TEST_SUITE_P(All, DigestsOfSignatures,
                         ::testing::Values(Use{"Pkcs1", "rsa", false, nullptr},
                                           Use{"Pss", "rsa", true, nullptr},
                                           Use{"Mgf1", "rsa", true, "SHA256"},
                                           Use{"Ecdsa", "ec256", false, nullptr}),
                         [](const auto& given) { return given.param.name; });

TEST_P(DigestsOfSignatures, AreThoseOfSoftware) {
    const Instance instance;
    const auto& use = GetParam();
    const auto key = loadPrivate(instance, use.key);
    const auto software = privateKeyFromFile(defaultOnly(), use.key);
    int taken = 0;
    for (const auto& digest : allDigests()) {
        const auto expected = signWith(defaultOnly(), software.get(), use, digest);
        taken += expected.empty() ? 0 : 1;
        const auto made = signWith(instance.get(), key.get(), use, digest);
        EXPECT_EQ(made.empty(), expected.empty()) << digest << takeErrors();
        EXPECT_TRUE(made.empty() || verifyWith(use, digest, made)) << digest << takeErrors();
        EXPECT_TRUE(use.pss || use.key != std::string("rsa") || made == expected) << digest;
    }
    EXPECT_GT(taken, 8);
    ERR_clear_error();
}

TEST(Digests, OfSignaturesThatAreRefusedAreNamed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_TRUE(signWith(instance.get(), key.get(), {"", "rsa", true, nullptr}, "NULL").empty());
    EXPECT_NE(takeErrors().find("the digest NULL cannot be used"), std::string::npos);
    EXPECT_TRUE(
        signWith(instance.get(), key.get(), {"", "rsa", true, "SHA256"}, "SHAKE-256").empty());
    EXPECT_NE(takeErrors().find("the digest SHAKE-256 cannot be used"), std::string::npos);
}

using Crypt = int(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);

/// OAEP with `digest` for both of its hashes. Empty where it is refused.
Bytes oaep(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const std::string& digest, const Bytes& in,
           int init(EVP_PKEY_CTX*), Crypt* run) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr));
    Bytes out(512);
    std::size_t size = out.size();
    if (init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), digest.c_str(), nullptr) != 1 ||
        run(context.get(), out.data(), &size, in.data(), in.size()) != 1)
        return {};
    out.resize(size);
    return out;
}

TEST(Digests, OfOaepAreThoseOfSoftware) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto software = publicKeyFromFile("rsa");
    auto digests = allDigests();
    digests.erase("NULL");      // OpenSSL 3.0 itself does not come back
    digests.erase("ML-DSA-MU"); // OpenSSL 4.0 itself crashes; it is no digest without a key
    int taken = 0;
    for (const auto& digest : digests) {
        const auto sealed = oaep(defaultOnly(), software.get(), digest, data, EVP_PKEY_encrypt_init,
                                 EVP_PKEY_encrypt);
        EXPECT_EQ(oaep(instance.get(), key.get(), digest, sealed.empty() ? Bytes(256, 1) : sealed,
                       EVP_PKEY_decrypt_init, EVP_PKEY_decrypt),
                  sealed.empty() ? Bytes() : data)
            << digest << takeErrors();
        taken += sealed.empty() ? 0 : 1;
    }
    EXPECT_GT(taken, 8);
    EXPECT_EQ(oaep(instance.get(), key.get(), "NULL", Bytes(256, 1), EVP_PKEY_decrypt_init,
                   EVP_PKEY_decrypt),
              Bytes());
    EXPECT_NE(takeErrors().find("\"NULL\" cannot be used in OAEP"), std::string::npos);
}

Options x963(const std::string& digest) {
    return [digest](EVP_PKEY_CTX* context) {
        std::string kdf = "X963KDF";
        auto name = digest;
        std::size_t size = 40;
        const std::array params{
            OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, kdf.data(), 0),
            OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, name.data(), 0),
            OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &size),
            OSSL_PARAM_construct_end()};
        return EVP_PKEY_CTX_set_params(context, params.data()) == 1;
    };
}

TEST(Digests, OfTheKdfAreThoseOfSoftware) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto software = privateKeyFromFile(defaultOnly(), "ec256");
    int taken = 0;
    for (const auto& digest : allDigests()) {
        const p11::ossl::Md md(EVP_MD_fetch(defaultOnly(), digest.c_str(), nullptr));
        if ((EVP_MD_get_flags(md.get()) & EVP_MD_FLAG_XOF) != 0)
            continue; // OpenSSL 3.0 takes them; later ones refuse them, as this provider does
        const auto expected = derive(defaultOnly(), software.get(), peer.get(), x963(digest));
        taken += expected.empty() ? 0 : 1;
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get(), x963(digest)), expected)
            << digest << takeErrors();
    }
    EXPECT_GT(taken, 8);
    ERR_clear_error();
}

} // namespace
