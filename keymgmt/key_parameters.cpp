// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/key_parameters.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <openssl/core_names.h>

#include "keymgmt/certificate.h"
#include "keymgmt/key_family.h"
#include "keymgmt/storage_parameters.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::keymgmt {
namespace {

bool asksForPublicValue(const OSSL_PARAM* params) {
    constexpr std::array<std::string_view, 6> names{
        OSSL_PKEY_PARAM_PUB_KEY,  OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
        OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y,
        OSSL_PKEY_PARAM_RSA_N,    OSSL_PKEY_PARAM_RSA_E};
    for (; params != nullptr && params->key != nullptr; ++params)
        if (std::find(names.begin(), names.end(), params->key) != names.end())
            return true;
    return false;
}

void answerUnknown(KeyType type, OSSL_PARAM* params) {
    const auto& sizes = rowOf(type).sizes;
    ossl::answerInt(params, OSSL_PKEY_PARAM_BITS, sizes.bits);
    ossl::answerInt(params, OSSL_PKEY_PARAM_SECURITY_BITS, sizes.securityBits);
    ossl::answerInt(params, OSSL_PKEY_PARAM_MAX_SIZE, sizes.largest);
    ossl::answerInt(params, OSSL_PKEY_PARAM_SECURITY_CATEGORY, sizes.securityCategory);
    const auto& family = familyOf(type);
    if (family.mandatoryDigest != nullptr)
        ossl::answerText(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST, family.mandatoryDigest);
    if (family.defaultDigest != nullptr)
        ossl::answerText(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, family.defaultDigest);
}

// The value that was invented to make it a key is never given out.
int getPartialParameters(const KeyFamily& family, EVP_PKEY* partial, OSSL_PARAM* params) {
    std::vector<OSSL_PARAM> known;
    std::vector<OSSL_PARAM*> askers;
    for (auto* next = params; next != nullptr && next->key != nullptr; ++next)
        if (family.inventedParameter == nullptr ||
            std::string_view(next->key) != family.inventedParameter) {
            known.push_back(*next);
            askers.push_back(next);
        }
    known.push_back(OSSL_PARAM_construct_end());
    const int answer = EVP_PKEY_get_params(partial, known.data());
    for (std::size_t i = 0; i < askers.size(); ++i)
        askers[i]->return_size = known[i].return_size;
    return answer;
}

constexpr const char* certificateParameter = "pkcs11_certificate";

} // namespace

// OpenSSL's own key of the same public value answers everything it knows (bits, group, qx, n ...).
int getParameters(const Key& key, OSSL_PARAM* params) {
    if (auto* known = asksForPublicValue(params) ? key.publicKey() : nullptr)
        return EVP_PKEY_get_params(known, params);
    if (auto* partial = key.partialKey())
        return getPartialParameters(familyOf(key.type()), partial, params);
    answerUnknown(key.type(), params);
    return 1;
}

bool hasCertificate(const OSSL_PARAM* params) {
    return OSSL_PARAM_locate_const(params, certificateParameter) != nullptr;
}

// The public value of a key on a token can't be set; what else applications set (point formats and
// the like) is for encoders, and is ignored.
int setParameters(const Key& key, const OSSL_PARAM* params) {
    if (const auto certificate = ossl::octetsOf(params, certificateParameter)) {
        StorageParameters storage;
        storage.set(params);
        storeCertificate(key, *certificate, storage.allowDuplicate);
    }
    return ossl::octetsOf(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) ? 0 : 1;
}

const OSSL_PARAM* gettableOnToken() {
    static const std::array list{ossl::intParam(OSSL_PKEY_PARAM_BITS),
                                 ossl::intParam(OSSL_PKEY_PARAM_SECURITY_BITS),
                                 ossl::intParam(OSSL_PKEY_PARAM_MAX_SIZE),
                                 ossl::textParam(OSSL_PKEY_PARAM_DEFAULT_DIGEST),
                                 ossl::textParam(OSSL_PKEY_PARAM_MANDATORY_DIGEST),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_RSA_N),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_RSA_E),
                                 ossl::textParam(OSSL_PKEY_PARAM_GROUP_NAME),
                                 ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY),
                                 ossl::octetsParam(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_PUB_X),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_PUB_Y),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_ENCODING),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_FIELD_TYPE),
                                 ossl::intParam(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS),
                                 ossl::endOfParams()};
    return list.data();
}

std::span<const OSSL_PARAM> settableOnToken() {
    static constexpr std::array list{ossl::octetsParam(certificateParameter)};
    return list;
}

} // namespace p11::keymgmt
