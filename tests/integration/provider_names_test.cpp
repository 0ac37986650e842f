// SPDX-License-Identifier: Apache-2.0
// The name that the provider was loaded under is the one by which queries refer to it.
#include <fstream>

#include "fixture.h"
#include "provider_file.h"

namespace {

using namespace testing_support;

struct Section {
    std::string name;
    std::string directives;
};

/// A library context with this provider under each of the names, in that order, before the default
/// provider.
p11::ossl::LibCtx contextWith(const std::vector<Section>& sections, const std::string& more = {}) {
    std::string list;
    std::string bodies;
    for (const auto& section : sections) {
        list += section.name + " = " + section.name + "_section\n";
        bodies += "[" + section.name + "_section]\nactivate = 1\nmodule = " + providerFile() +
                  "\n" + section.directives + "\n";
    }
    const auto file = scratch("names.cnf");
    std::ofstream(file) << "config_diagnostics = 1\nopenssl_conf = init\n[init]\n"
                        << "providers = providers\n"
                        << more << "[providers]\n"
                        << list << "default = default_section\n[default_section]\nactivate = 1\n"
                        << bodies;
    p11::ossl::LibCtx libctx(OSSL_LIB_CTX_new());
    EXPECT_EQ(OSSL_LIB_CTX_load_config(libctx.get(), file.c_str()), 1) << takeErrors();
    return libctx;
}

bool hasSigner(OSSL_LIB_CTX* libctx, const char* query) {
    const p11::ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free> fetched(
        EVP_SIGNATURE_fetch(libctx, "ECDSA", query));
    takeErrors();
    return fetched != nullptr;
}

std::string providerOf(OSSL_LIB_CTX* libctx, const char* query) {
    const p11::ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free> fetched(
        EVP_SIGNATURE_fetch(libctx, "ECDSA", query));
    takeErrors();
    return fetched ? OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(fetched.get())) : "none";
}

bool signs(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const char* query = nullptr) {
    const p11::ossl::MdCtx signer(EVP_MD_CTX_new());
    Bytes signature(512);
    const Bytes data(100);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit_ex(signer.get(), nullptr, "SHA256", libctx, query, key, nullptr) != 1 ||
        EVP_DigestSign(signer.get(), signature.data(), &size, data.data(), data.size()) != 1)
        return false;
    signature.resize(size);
    return verify("ec256", signature, data);
}

class ProviderNames : public testing::TestWithParam<std::string> {};

TEST_P(ProviderNames, AreThoseOfQueries) {
    const auto& name = GetParam();
    const auto libctx = contextWith({{name, ""}});
    const bool isPlain = name == "pkcs11prov" || name == "hsm_1"; // property(7)
    const auto query = "provider=" + (isPlain ? name : "'" + name + "'");
    EXPECT_EQ(providerOf(libctx.get(), query.c_str()), name);
    EXPECT_EQ(providerOf(libctx.get(), ("?" + query).c_str()), name);
    auto others = query;
    others.insert(others.find('='), 1, '!');
    EXPECT_EQ(providerOf(libctx.get(), others.c_str()), "default");
    EXPECT_FALSE(hasSigner(libctx.get(), "provider=pkcs11"));
    const auto key = load(libctx.get(), uriOf("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    for (const char* asked : {static_cast<const char*>(nullptr), query.c_str()})
        EXPECT_TRUE(signs(libctx.get(), key.get(), asked)) << takeErrors();
    EXPECT_GT(i2d_PUBKEY(key.get(), nullptr), 0) << takeErrors();
}

// A key in memory, with a query for this provider, is the default provider's, as without it.
TEST_P(ProviderNames, OfKeysInMemoryDoNotMatter) {
    const auto& name = GetParam();
    const auto libctx = contextWith({{name, ""}});
    const auto key = privateKeyFromFile(libctx.get(), "ec256");
    ASSERT_TRUE(key) << takeErrors();
    const auto query = "provider='" + name + "'";
    EXPECT_TRUE(signs(libctx.get(), key.get(), ("?" + query).c_str())) << takeErrors();
    const p11::ossl::Pkey made(EVP_PKEY_Q_keygen(libctx.get(), query.c_str(), "EC", "P-256"));
    EXPECT_TRUE(made) << takeErrors();
}

INSTANTIATE_TEST_SUITE_P(All, ProviderNames,
                         testing::Values("pkcs11prov", "hsm_1", "My-HSM", "1st"),
                         [](const auto& instance) {
                             auto name = instance.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(ProviderNamed, ByDefaultProperties) {
    const auto libctx = contextWith({{"pkcs11prov", ""}}, "alg_section = algorithms\n"
                                                          "[algorithms]\n"
                                                          "default_properties = "
                                                          "?provider!=pkcs11prov\n");
    EXPECT_EQ(providerOf(libctx.get(), nullptr), "default");
    const auto key = load(libctx.get(), uriOf("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(signs(libctx.get(), key.get())) << takeErrors();
}

// Each has its own settings. Neither takes the other's algorithms for those of software.
TEST(ProviderNamed, TwiceIsTwoProviders) {
    const auto libctx =
        contextWith({{"first", "pkcs11-module-token-pin = 1234"},
                     {"second", "pkcs11-module-token-pin = 4321\npkcs11-module-allow-export = 1"}});
    EXPECT_EQ(providerOf(libctx.get(), "provider=first"), "first");
    EXPECT_EQ(providerOf(libctx.get(), "provider=second"), "second");
    const std::string uri = "pkcs11:token=scenarios;object=ec256;type=private";
    const auto loadBy = [&](const char* query) {
        const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(OSSL_STORE_open_ex(
            uri.c_str(), libctx.get(), query, nullptr, nullptr, nullptr, nullptr, nullptr));
        OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
        const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
            OSSL_STORE_load(store.get()));
        return p11::ossl::Pkey(info ? OSSL_STORE_INFO_get1_PKEY(info.get()) : nullptr);
    };
    EXPECT_FALSE(loadBy("provider=second"));
    EXPECT_NE(takeErrors().find("the PIN was refused"), std::string::npos);
    const auto key = loadBy("provider=first");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_TRUE(signs(libctx.get(), key.get())) << takeErrors();
    const auto software = privateKeyFromFile(libctx.get(), "ec256");
    EXPECT_TRUE(signs(libctx.get(), software.get())) << takeErrors();
    for (const char* query : {"provider=first", "provider=second"}) {
        const p11::ossl::Pkey made(EVP_PKEY_Q_keygen(libctx.get(), query, "EC", "P-256"));
        EXPECT_TRUE(made) << query << takeErrors();
    }
}

} // namespace
