// SPDX-License-Identifier: Apache-2.0
#include "new_keys.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "ossl/newer_openssl.h"

namespace testing_support {

const Bytes newKeysData = randomBytes(100);

std::string place(const std::string& label, const std::string& more) {
    return "pkcs11:token=scenarios;object=" + label + more + "?pin-value=1234";
}

p11::ossl::Params paramsOf(const Settings& settings) {
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    for (const auto& [name, value] : settings)
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), name, value.c_str(), 0);
    return p11::ossl::Params(OSSL_PARAM_BLD_to_param(builder.get()));
}

p11::ossl::Pkey generate(const Instance& instance, const char* type, const Settings& settings) {
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_name(instance.get(), type, "provider=pkcs11"));
    const auto params = paramsOf(settings);
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_params(context.get(), params.get()) != 1 ||
        EVP_PKEY_generate(context.get(), &key) != 1)
        return nullptr;
    return p11::ossl::Pkey(key);
}

p11::ossl::Pkey generateEc(const Instance& instance, const std::string& label,
                           const std::string& more) {
    return generate(instance, "EC", {{"group", "P-256"}, {"pkcs11_uri", place(label, more)}});
}

p11::ossl::Pkey softwarePublicKey(EVP_PKEY* key) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    const unsigned char* position = der;
    p11::ossl::Pkey result(size > 0 ? d2i_PUBKEY(nullptr, &position, size) : nullptr);
    OPENSSL_free(der);
    return result;
}

bool verifies(const std::string& label, const Bytes& signature, const char* digest,
              const std::string& id) {
    return verify(publicKeyOnToken(label, id).get(), signature, newKeysData, digest);
}

std::size_t countOf(const std::string& label) {
    return tokenWriter("scenarios").count(label);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

int destroy(const Instance& instance, const std::string& uri, bool all) {
    const p11::ossl::Provider provider(OSSL_PROVIDER_load(instance.get(), "pkcs11"));
    int noCache = 0;
    const auto* loader = OSSL_PROVIDER_query_operation(provider.get(), OSSL_OP_STORE, &noCache);
    int value = all ? 1 : 0;
    const std::array params{OSSL_PARAM_construct_int("pkcs11_all", &value),
                            OSSL_PARAM_construct_end()};
    for (const auto* entry = loader->implementation; entry->function_id != 0; ++entry)
        if (entry->function_id == OSSL_FUNC_STORE_DELETE)
            return reinterpret_cast<OSSL_FUNC_store_delete_fn*>(entry->function)(
                OSSL_PROVIDER_get0_provider_ctx(provider.get()), uri.c_str(), params.data(),
                nullptr, nullptr);
    return -1;
}

p11::ossl::Pkey store(const Instance& instance, EVP_PKEY* software, const std::string& uri,
                      Settings settings) {
    OSSL_PARAM* values = nullptr;
    EXPECT_EQ(EVP_PKEY_todata(software, EVP_PKEY_KEYPAIR, &values), 1) << takeErrors();
    const p11::ossl::Params owner(values);
    settings.emplace_back("pkcs11_uri", uri);
    const auto where = paramsOf(settings);
    const p11::ossl::Params all(OSSL_PARAM_merge(values, where.get()));
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(
        instance.get(), EVP_PKEY_get0_type_name(software), "provider=pkcs11"));
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(maker.get()) != 1 ||
        EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_KEYPAIR, all.get()) != 1)
        return nullptr;
    return p11::ossl::Pkey(key);
}

void NewKeys::TearDown() {
    noFaults();
    module().configure(nullptr, nullptr);
    const Instance instance;
    for (const char* label : {"made", "made2", "stored"})
        destroy(instance, place(label), true);
    takeErrors();
}

} // namespace testing_support
