// SPDX-License-Identifier: Apache-2.0
// What keys with CKA_PARAMETER_SET have in common (PKCS#11 3.2: ML-DSA, ML-KEM). OpenSSL has them
// since 3.5.
#pragma once

#include <array>
#include <optional>

#include <openssl/core_names.h>

#include "keymgmt/key_family.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::keymgmt {

/// The attributes beside the common ones.
inline constexpr std::array parameterSetPublicAttributes{CKA_CLASS, CKA_PARAMETER_SET, CKA_VALUE};
inline constexpr std::array parameterSetPrivateAttributes{CKA_CLASS, CKA_PARAMETER_SET};

/// The seed has one name for both families (OSSL_PKEY_PARAM_ML_KEM_SEED).
inline constexpr std::array seededPairParameters{
    ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY), ossl::octetsParam(OSSL_PKEY_PARAM_PRIV_KEY),
    ossl::octetsParam(OSSL_PKEY_PARAM_ML_DSA_SEED), ossl::endOfParams()};

/// The type of `family` with that CKA_PARAMETER_SET.
std::optional<KeyType> typeOfParameterSet(const pkcs11::Attributes& attributes,
                                          const KeyFamily& family);

/// See KeyFamily.
ossl::Pkey publicKeyOfParameterSet(const ossl::ProviderContext& context, KeyType type,
                                   const pkcs11::Attributes& attributes);

/// Signs a message with the family's mechanism, and verifies that. Throws pkcs11::Error.
bool provesBySigningMessage(const FoundKey& key, EVP_PKEY* candidate);

} // namespace p11::keymgmt
