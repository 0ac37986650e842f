// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/key_family.h"

#include <algorithm>
#include <array>

#include "keymgmt/public_key.h"
#include "ossl/error_mark.h"

namespace p11::keymgmt {
namespace {

using pkcs11::Attributes;

constexpr std::array keyAttributeList{CKA_CLASS,
                                      CKA_KEY_TYPE,
                                      CKA_LABEL,
                                      CKA_ID,
                                      CKA_MODULUS,
                                      CKA_PUBLIC_EXPONENT,
                                      CKA_EC_PARAMS,
                                      CKA_EC_POINT,
                                      CKA_PUBLIC_KEY_INFO,
                                      CKA_UNIQUE_ID,
                                      CKA_ALWAYS_AUTHENTICATE,
                                      CKA_ALLOWED_MECHANISMS}; // last

// Null for key types that this provider does not handle.
const KeyFamily* familyOf(const Attributes& attributes) {
    const auto keyType = attributes.number(CKA_KEY_TYPE);
    const auto* found =
        std::find_if(keyTypes.begin(), keyTypes.end(),
                     [keyType](const KeyTypeRow& row) { return row.family->keyType == keyType; });
    return found != keyTypes.end() ? found->family : nullptr;
}

} // namespace

std::span<const CK_ATTRIBUTE_TYPE> keyAttributes(bool withAllowedMechanisms) {
    const std::span<const CK_ATTRIBUTE_TYPE> all(keyAttributeList);
    return withAllowedMechanisms ? all : all.first(all.size() - 1);
}

std::span<const CK_ATTRIBUTE_TYPE> additionalAttributes(const Attributes& attributes) {
    const auto* family = familyOf(attributes);
    if (family == nullptr)
        return {};
    const bool isPublic = attributes.number(CKA_CLASS) == CKO_PUBLIC_KEY;
    return isPublic ? family->publicAttributes : family->privateAttributes;
}

std::optional<KeyType> typeOf(const Attributes& attributes) {
    const auto* family = familyOf(attributes);
    return family != nullptr ? family->typeOf(attributes) : std::nullopt;
}

bool isKnown(const ossl::ProviderContext& context, KeyType type) {
    const ossl::ErrorMark mark;
    return familyOf(type).isInEveryVersion ||
           ossl::PkeyCtx(EVP_PKEY_CTX_new_from_name(context.libctx(), nameOf(type),
                                                    ossl::ProviderContext::propq())) != nullptr;
}

ossl::Pkey publicKeyOf(const ossl::ProviderContext& context, KeyType type,
                       const Attributes& attributes) {
    const ossl::ErrorMark mark;
    auto key = familyOf(type).publicKeyOf(context, type, attributes);
    return key ? std::move(key) : publicKeyOfInfo(context, type, attributes);
}

ossl::Pkey partialKeyOf(const ossl::ProviderContext& context, KeyType type,
                        const Attributes& attributes) {
    const ossl::ErrorMark mark;
    const auto make = familyOf(type).partialKeyOf;
    return make != nullptr ? make(context, type, attributes) : nullptr;
}

const PairMaking& pairMaking(KeyType type) {
    const auto* pairs = familyOf(type).pairs;
    if (pairs == nullptr)
        refusePair(std::string("no keys of type ") + nameOf(type) +
                   " can be made or stored on tokens");
    return *pairs;
}

} // namespace p11::keymgmt
