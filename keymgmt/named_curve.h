// SPDX-License-Identifier: Apache-2.0
// What Edwards and Montgomery keys have in common: each curve is a type of its own, and public
// values are strings of bytes (RFC 8410; PKCS#11 3.0, section 2.3).
#pragma once

#include <optional>

#include "keymgmt/key_family.h"

namespace p11::keymgmt {

/// The type of CKK_EC_EDWARDS and CKK_EC_MONTGOMERY keys: tokens use either for all four curves.
/// Where the curve is not told, it is one of `family`.
std::optional<KeyType> typeOfNamedCurve(const pkcs11::Attributes& attributes,
                                        const KeyFamily& family);

/// See KeyFamily and PairMaking.
ossl::Pkey publicKeyOnNamedCurve(const ossl::ProviderContext& context, KeyType type,
                                 const pkcs11::Attributes& attributes);
void generateOnNamedCurve(KeyType type, const PairParameters& wanted, const KeyPairMechanism& form,
                          PairTemplates& pair);
void storeOnNamedCurve(KeyType type, EVP_PKEY* key, const KeyPairMechanism& form,
                       PairTemplates& pair);

/// The form that SoftHSM has for all four curves.
inline constexpr KeyPairMechanism edwardsMechanism{CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN,
                                                   "CKM_EC_EDWARDS_KEY_PAIR_GEN"};

} // namespace p11::keymgmt
