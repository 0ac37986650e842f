// SPDX-License-Identifier: Apache-2.0
// PSS with every digest that software takes, by RSA and by RSA-PSS keys.
#include <set>

#include <openssl/rsa.h>

#include "fixture.h"

namespace {

using namespace testing_support;

const Bytes message = randomBytes(100);

bool configure(EVP_PKEY_CTX* options, const std::string& mgf1) {
    return EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, mgf1.c_str(), nullptr) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/// Empty on failure.
Bytes signPss(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const std::string& digest,
              const std::string& mgf1) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Bytes signature(256);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit_ex(context.get(), &options, digest.c_str(), libctx, nullptr, key,
                              nullptr) != 1 ||
        !configure(options, mgf1) ||
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
        return {};
    return signature;
}

bool isGood(const Bytes& signature, const std::string& digest, const std::string& mgf1) {
    const auto key = publicKeyFromFile("rsa");
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    return EVP_DigestVerifyInit_ex(context.get(), &options, digest.c_str(), defaultOnly(), nullptr,
                                   key.get(), nullptr) == 1 &&
           configure(options, mgf1) &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

std::set<std::string> digestsOfSoftware() {
    std::set<std::string> names;
    EVP_MD_do_all_provided(
        defaultOnly(),
        [](EVP_MD* md, void* set) {
            static_cast<std::set<std::string>*>(set)->insert(EVP_MD_get0_name(md));
        },
        &names);
    return names;
}

// The token pads with SHA-1 and SHA-2, and for the others the host does.
TEST(PssDigests, AreThoseOfSoftware) {
    const Instance instance;
    const auto software = privateKeyFromFile(defaultOnly(), "rsa");
    std::set<std::string> good;
    for (const char* type : {"RSA", "RSA-PSS"}) {
        const auto key = load(instance, uriOf("rsa") + "&x-key-type=" + type);
        ASSERT_TRUE(key && EVP_PKEY_is_a(key.get(), type) == 1) << takeErrors();
        for (const auto& digest : digestsOfSoftware()) {
            for (const auto& mgf1 : {digest, std::string("SHA2-256")}) {
                const bool isTaken = !signPss(defaultOnly(), software.get(), digest, mgf1).empty();
                takeErrors();
                const auto signature = signPss(instance.get(), key.get(), digest, mgf1);
                EXPECT_EQ(isGood(signature, digest, mgf1), isTaken)
                    << type << " " << digest << " " << mgf1 << takeErrors();
                if (isTaken)
                    good.insert(digest);
            }
        }
    }
    for (const char* digest : {"SHA2-256", "SHA3-256", "SHA3-512", "RIPEMD-160"})
        EXPECT_TRUE(good.contains(digest)) << digest;
    takeErrors();
}

// A key that may do nothing but PSS does what its token has for it.
TEST(PssDigests, OfAKeyThatSignsWithPssAloneAreNamedWhereTheTokenLacksThem) {
    const Instance instance;
    for (const char* type : {"RSA", "RSA-PSS"}) {
        const auto key = load(instance, uriOf("pssonly") + "&x-key-type=" + type);
        EXPECT_FALSE(signPss(instance.get(), key.get(), "SHA256", "SHA256").empty());
        EXPECT_TRUE(signPss(instance.get(), key.get(), "SHA3-256", "SHA3-256").empty());
        const auto errors = takeErrors();
        EXPECT_NE(errors.find("refuses PSS padding with SHA3-256 and the MGF1 digest SHA3-256"),
                  std::string::npos)
            << errors;
        EXPECT_NE(errors.find("CKM_RSA_X_509"), std::string::npos) << errors;
        EXPECT_TRUE(signPss(instance.get(), key.get(), "RIPEMD160", "RIPEMD160").empty());
        EXPECT_NE(takeErrors().find("neither this padding nor raw RSA"), std::string::npos);
        EXPECT_FALSE(signPss(instance.get(), key.get(), "SHA256", "SHA256").empty());
    }
}

} // namespace
