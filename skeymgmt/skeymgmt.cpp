// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "ossl/words.h"
#include "skeymgmt/key_search.h"
#include "skeymgmt/new_key.h"
#include "tokens/token_search.h"

namespace p11::skeymgmt {
namespace {

/// The parameter of EVP_SKEY_import() and EVP_SKEY_generate() that names the token and the key.
constexpr const char* uriParameter = "pkcs11_uri";
/// What a new key may do, in X.509's words, as for key pairs.
constexpr const char* usageParameter = "pkcs11_key_usage";

void requireKeySize(const KeyKind& kind, std::size_t size) {
    if (size == 0)
        throw ossl::UsageError(ossl::Reason::parameter, "a key has one byte at least");
    if (kind.made == CKK_AES && size != 16 && size != 24 && size != 32)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "an AES key has 16, 24 or 32 bytes, not " + std::to_string(size));
}

void* keyData(std::shared_ptr<SecretKey> key) {
    return new SecretKeyData{std::move(key)};
}

uri::Uri parse(std::string& text) {
    const ossl::Wiped wiped(text);
    return tokens::parseUri(text);
}

KeyUsage usageOf(const OSSL_PARAM* params, const KeyKind& kind) {
    const auto text = ossl::textOf(params, usageParameter);
    if (!text)
        return {.encrypt = kind.made == CKK_AES, .derive = kind.made != CKK_AES};
    KeyUsage usage;
    for (const auto& word : ossl::words(*text))
        if (word == "dataEncipherment")
            usage.encrypt = true;
        else if (word == "keyEncipherment")
            usage.wrap = true;
        else if (word == "keyAgreement")
            usage.derive = true;
        else
            throw ossl::UsageError(ossl::Reason::parameter, std::string(usageParameter) +
                                                                " does not accept the value \"" +
                                                                word +
                                                                "\": use dataEncipherment, "
                                                                "keyEncipherment, keyAgreement");
    return usage;
}

// Bytes without a token are for the ciphers of other providers, which may come after this one.
std::shared_ptr<SecretKey> import(ossl::ProviderContext& provider, const KeyKind& kind,
                                  const OSSL_PARAM* params) {
    auto text = ossl::textOf(params, uriParameter);
    const auto value = ossl::octetsOf(params, OSSL_SKEY_PARAM_RAW_BYTES);
    if (!text && !value)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "neither pkcs11_uri nor raw-bytes names the key");
    if (value)
        requireKeySize(kind, value->size());
    if (!text)
        return std::make_shared<SecretKey>(provider, *value);
    const auto uri = parse(*text);
    return value ? makeKey(provider, {uri, kind, value->size(), *value, usageOf(params, kind)})
                 : findKey(provider, uri, kind);
}

template <const KeyKind& kind>
void* importKey(void* provctx, int, const OSSL_PARAM params[]) {
    auto& provider = ossl::ProviderContext::from(provctx);
    return ossl::guarded<void*>(provider.core(), nullptr,
                                [&] { return keyData(import(provider, kind, params)); });
}

template <const KeyKind& kind>
void* generateKey(void* provctx, const OSSL_PARAM params[]) {
    auto& provider = ossl::ProviderContext::from(provctx);
    return ossl::guarded<void*>(provider.core(), nullptr, [&] {
        auto text = ossl::textOf(params, uriParameter);
        const auto size = ossl::sizeOf(params, OSSL_SKEY_PARAM_KEY_LENGTH);
        if (!text || !size)
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "to make a key on a token, give pkcs11_uri and key-length");
        requireKeySize(kind, *size);
        return keyData(makeKey(provider, {parse(*text), kind, *size, {}, usageOf(params, kind)}));
    });
}

void freeKey(void* keydata) {
    delete static_cast<SecretKeyData*>(keydata);
}

int exportKey(void* keydata, int selection, OSSL_CALLBACK* callback, void* arg) {
    const auto& key = *secretKeyOf(keydata);
    return ossl::guarded(key.provider().core(), 0, [&] {
        auto size = key.size();
        std::optional<ossl::SecretBytes> value;
        std::vector<OSSL_PARAM> params;
        if ((selection & OSSL_SKEYMGMT_SELECT_SECRET_KEY) != 0) {
            value.emplace(key.value());
            size = value->size();
            params.push_back(OSSL_PARAM_construct_octet_string(OSSL_SKEY_PARAM_RAW_BYTES,
                                                               value->data(), value->size()));
        }
        params.push_back(OSSL_PARAM_construct_size_t(OSSL_SKEY_PARAM_KEY_LENGTH, &size));
        params.push_back(OSSL_PARAM_construct_end());
        return callback(params.data(), arg);
    });
}

const char* keyId(void* keydata) {
    const auto& uri = secretKeyOf(keydata)->uri();
    return uri.empty() ? nullptr : uri.c_str();
}

const OSSL_PARAM* importSettable(void*) {
    static const std::array list{ossl::octetsParam(OSSL_SKEY_PARAM_RAW_BYTES),
                                 ossl::textParam(uriParameter), ossl::textParam(usageParameter),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* generateSettable(void*) {
    static const std::array list{ossl::sizeParam(OSSL_SKEY_PARAM_KEY_LENGTH),
                                 ossl::textParam(uriParameter), ossl::textParam(usageParameter),
                                 ossl::endOfParams()};
    return list.data();
}

template <const KeyKind& kind>
const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_skeymgmt_free_fn>(OSSL_FUNC_SKEYMGMT_FREE, freeKey),
        ossl::entry<OSSL_FUNC_skeymgmt_import_fn>(OSSL_FUNC_SKEYMGMT_IMPORT, importKey<kind>),
        ossl::entry<OSSL_FUNC_skeymgmt_export_fn>(OSSL_FUNC_SKEYMGMT_EXPORT, exportKey),
        ossl::entry<OSSL_FUNC_skeymgmt_generate_fn>(OSSL_FUNC_SKEYMGMT_GENERATE, generateKey<kind>),
        ossl::entry<OSSL_FUNC_skeymgmt_get_key_id_fn>(OSSL_FUNC_SKEYMGMT_GET_KEY_ID, keyId),
        ossl::entry<OSSL_FUNC_skeymgmt_imp_settable_params_fn>(
            OSSL_FUNC_SKEYMGMT_IMP_SETTABLE_PARAMS, importSettable),
        ossl::entry<OSSL_FUNC_skeymgmt_gen_settable_params_fn>(
            OSSL_FUNC_SKEYMGMT_GEN_SETTABLE_PARAMS, generateSettable),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const std::array list{
        ossl::algorithm("AES", functions<aesKeys>(), "AES keys on tokens"),
        ossl::algorithm("GENERIC-SECRET", functions<genericKeys>(), "generic secrets on tokens"),
        ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace p11::skeymgmt
