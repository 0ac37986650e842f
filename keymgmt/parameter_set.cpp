// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/parameter_set.h"

#include <algorithm>

#include "keymgmt/public_key.h"
#include "ossl/error_mark.h"

namespace p11::keymgmt {

std::optional<KeyType> typeOfParameterSet(const pkcs11::Attributes& attributes,
                                          const KeyFamily& family) {
    const auto number = attributes.number(CKA_PARAMETER_SET);
    const auto* found = std::find_if(keyTypes.begin(), keyTypes.end(), [&](const KeyTypeRow& row) {
        return row.family == &family && row.parameterSet == number;
    });
    return found != keyTypes.end() ? std::optional(found->type) : std::nullopt;
}

// Public values are raw in CKA_VALUE, in which private keys have their secret.
ossl::Pkey publicKeyOfParameterSet(const ossl::ProviderContext& context, KeyType type,
                                   const pkcs11::Attributes& attributes) {
    const auto* value = attributes.find(CKA_VALUE);
    if (attributes.number(CKA_CLASS) != CKO_PUBLIC_KEY || value == nullptr)
        return nullptr;
    return keyFromRaw(context, type, *value);
}

bool provesBySigningMessage(const FoundKey& key, EVP_PKEY* candidate) {
    const ossl::ErrorMark mark;
    const auto challenge = makeChallenge(key.context);
    const auto signature = signWith(key, {familyOf(key.type).signMechanism, nullptr, 0}, challenge);
    return verifiesMessage(key.context, candidate, challenge, signature);
}

} // namespace p11::keymgmt
