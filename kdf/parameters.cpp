// SPDX-License-Identifier: Apache-2.0
#include "kdf/parameters.h"

#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "ossl/params.h"

namespace p11::kdf {
namespace {

// Nothing for a mode that the other provider has refused.
std::optional<Mode> modeOf(const ossl::TextOrInt& given) {
    const auto is = [&given](const char* name, int number) {
        return given.text ? strcasecmp(given.text->c_str(), name) == 0 : given.number == number;
    };
    if (is("EXTRACT_ONLY", EVP_KDF_HKDF_MODE_EXTRACT_ONLY))
        return Mode::extract;
    if (is("EXPAND_ONLY", EVP_KDF_HKDF_MODE_EXPAND_ONLY))
        return Mode::expand;
    if (is("EXTRACT_AND_EXPAND", EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND))
        return Mode::extractAndExpand;
    return std::nullopt;
}

template <typename Target>
void take(const OSSL_PARAM* params, const char* name, Target& target) {
    if (const auto value = ossl::octetsOf(params, name))
        target.assign(value->begin(), value->end());
}

void takeAll(const OSSL_PARAM* params, const char* name, pkcs11::Bytes& target) {
    const auto* entry = OSSL_PARAM_locate_const(params, name);
    if (entry == nullptr)
        return;
    target.clear();
    for (; entry != nullptr; entry = OSSL_PARAM_locate_const(entry + 1, name))
        if (const auto value = ossl::octetsOf(entry, name))
            target.insert(target.end(), value->begin(), value->end());
}

} // namespace

Parameters::Parameters(const Parameters& other)
    : mode(other.mode), digest(other.digest), info(other.info), prefix(other.prefix),
      label(other.label), data(other.data) {
    if (other.salt)
        salt.emplace(other.salt->begin(), other.salt->end());
}

void Parameters::set(const OSSL_PARAM* params) {
    if (const auto given = ossl::textOrIntOf(params, OSSL_KDF_PARAM_MODE))
        mode = modeOf(*given).value_or(mode);
    if (auto name = ossl::textOf(params, OSSL_KDF_PARAM_DIGEST))
        digest = std::move(*name);
    if (const auto value = ossl::octetsOf(params, OSSL_KDF_PARAM_SALT))
        salt.emplace(value->begin(), value->end());
    takeAll(params, OSSL_KDF_PARAM_INFO, info);
    take(params, OSSL_KDF_PARAM_PREFIX, prefix);
    take(params, OSSL_KDF_PARAM_LABEL, label);
    take(params, OSSL_KDF_PARAM_DATA, data);
}

} // namespace p11::kdf
