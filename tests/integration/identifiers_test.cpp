// SPDX-License-Identifier: Apache-2.0
// The AlgorithmIdentifiers that certificates get: those of the same key in software, byte for byte.
#include <array>
#include <optional>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "fixture.h"

namespace {

using namespace testing_support;

constexpr std::array digests{"SHA1",       "SHA224",     "SHA256",   "SHA384",   "SHA512",
                             "SHA512-224", "SHA512-256", "SHA3-224", "SHA3-256", "SHA3-384",
                             "SHA3-512",   "RIPEMD160",  "MD5-SHA1"};

struct Setting {
    std::string digest;
    int padding = 0;
    std::string mgf1{};
    int saltLength = 0;
};

std::string describe(const std::string& label, const Setting& setting) {
    return label + " " + setting.digest + " " + std::to_string(setting.padding) + " " +
           setting.mgf1 + " " + std::to_string(setting.saltLength) + ": " + takeErrors();
}

bool configure(EVP_PKEY_CTX* context, const Setting& setting) {
    if (setting.padding == 0)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(context, setting.padding) != 1)
        return false;
    return setting.padding != RSA_PKCS1_PSS_PADDING ||
           (EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, setting.mgf1.c_str(), nullptr) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, setting.saltLength) == 1);
}

// Empty where the context has no identifier.
std::optional<Bytes> identifier(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const Setting& setting) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    const char* digest = setting.digest.empty() ? nullptr : setting.digest.c_str();
    if (EVP_DigestSignInit_ex(context.get(), &options, digest, libctx, nullptr, key, nullptr) !=
            1 ||
        !configure(options, setting))
        return std::nullopt;
    Bytes der(128);
    std::array params{OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
                                                        der.data(), der.size()),
                      OSSL_PARAM_construct_end()};
    if (EVP_PKEY_CTX_get_params(options, params.data()) != 1 || !OSSL_PARAM_modified(params.data()))
        return std::nullopt;
    der.resize(params[0].return_size);
    return der;
}

// A software key of the same type: identifiers depend on nothing else of it.
void expectSame(const std::string& label, EVP_PKEY* software,
                const std::vector<Setting>& settings) {
    const Instance instance;
    const bool isPss = EVP_PKEY_is_a(software, "RSA-PSS") == 1;
    const auto key = load(instance, uriOf(label) + (isPss ? "&x-key-type=RSA-PSS" : ""));
    ASSERT_TRUE(key) << takeErrors();
    bool any = false;
    for (const auto& setting : settings) {
        const auto mine = identifier(instance.get(), key.get(), setting);
        const auto theirs = identifier(defaultOnly(), software, setting);
        EXPECT_EQ(mine, theirs) << describe(label, setting);
        any = any || theirs.has_value();
    }
    EXPECT_TRUE(any) << "software has none either";
}

p11::ossl::Pkey pssKey() {
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(defaultOnly(), "RSA-PSS", nullptr));
    EVP_PKEY* key = nullptr;
    EXPECT_TRUE(EVP_PKEY_keygen_init(maker.get()) == 1 &&
                EVP_PKEY_generate(maker.get(), &key) == 1);
    return p11::ossl::Pkey(key);
}

std::vector<Setting> pssSettings() {
    std::vector<Setting> all;
    for (const std::string digest : digests)
        for (const std::string& mgf1 : {digest, std::string("SHA1"), std::string("SHA256")})
            for (const int salt : {0, 20, 32, RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX})
                if (digest != "MD5-SHA1")
                    all.push_back({digest, RSA_PKCS1_PSS_PADDING, mgf1, salt});
    return all;
}

TEST(Identifiers, OfPkcs1AreThoseOfSoftware) {
    std::vector<Setting> settings;
    for (const char* digest : digests)
        settings.push_back({digest, RSA_PKCS1_PADDING});
    settings.push_back({"SHA256", RSA_NO_PADDING});
    for (const char* label : {"rsa", "bare-rsa"})
        expectSame(label, privateKeyFromFile(defaultOnly(), "rsa").get(), settings);
}

TEST(Identifiers, OfPssAreThoseOfSoftware) {
    expectSame("rsa", privateKeyFromFile(defaultOnly(), "rsa").get(), pssSettings());
    expectSame("pssonly", pssKey().get(), pssSettings());
}

TEST(Identifiers, OfEcdsaAreThoseOfSoftware) {
    std::vector<Setting> settings;
    for (const char* digest : digests)
        settings.push_back({digest});
    for (const char* label : {"ec256", "ec521", "bare-ec"})
        expectSame(label, privateKeyFromFile(defaultOnly(), label).get(), settings);
}

TEST(Identifiers, OfEdwardsKeysAreThoseOfSoftware) {
    const p11::ossl::Pkey software(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, "ED25519"));
    expectSame("ed25519", software.get(), {Setting{}});
}

} // namespace
