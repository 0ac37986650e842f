// SPDX-License-Identifier: Apache-2.0
// The parameter sets of ML-DSA (FIPS 204) and ML-KEM (FIPS 203): one row each, from which key
// types, algorithms and sizes are made.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "keymgmt/key_type.h"
#include "pkcs11/attributes.h"
#include "pkcs11/cryptoki.h"

namespace keymgmt {

struct ParameterSet {
    KeyType type;
    const char* names; ///< those of the default provider of OpenSSL 3.5
    CK_KEY_TYPE keyType;
    CK_ULONG number; ///< CKA_PARAMETER_SET
    int bits;        ///< as OpenSSL counts them
    int securityBits;
    std::size_t size; ///< of a signature or a ciphertext, in bytes
};

inline constexpr std::array parameterSets{
    ParameterSet{KeyType::mlDsa44, "ML-DSA-44:MLDSA44:2.16.840.1.101.3.4.3.17:id-ml-dsa-44",
                 CKK_ML_DSA, 1, 10496, 128, 2420},
    ParameterSet{KeyType::mlDsa65, "ML-DSA-65:MLDSA65:2.16.840.1.101.3.4.3.18:id-ml-dsa-65",
                 CKK_ML_DSA, 2, 15616, 192, 3309},
    ParameterSet{KeyType::mlDsa87, "ML-DSA-87:MLDSA87:2.16.840.1.101.3.4.3.19:id-ml-dsa-87",
                 CKK_ML_DSA, 3, 20736, 256, 4627},
    ParameterSet{KeyType::mlKem512, "ML-KEM-512:MLKEM512:id-alg-ml-kem-512:2.16.840.1.101.3.4.4.1",
                 CKK_ML_KEM, 1, 512, 128, 768},
    ParameterSet{KeyType::mlKem768, "ML-KEM-768:MLKEM768:id-alg-ml-kem-768:2.16.840.1.101.3.4.4.2",
                 CKK_ML_KEM, 2, 768, 192, 1088},
    ParameterSet{KeyType::mlKem1024,
                 "ML-KEM-1024:MLKEM1024:id-alg-ml-kem-1024:2.16.840.1.101.3.4.4.3", CKK_ML_KEM, 3,
                 1024, 256, 1568}};

/// Of the secret that ML-KEM agrees on, in bytes.
inline constexpr std::size_t mlKemSecretSize = 32;

/// For lists with an entry for each row.
inline constexpr auto parameterSetRows = std::make_index_sequence<parameterSets.size()>();

/// Null for other types of keys.
constexpr const ParameterSet* parameterSetOf(KeyType type) {
    const auto* found = std::find_if(parameterSets.begin(), parameterSets.end(),
                                     [type](const ParameterSet& row) { return row.type == type; });
    return found != parameterSets.end() ? found : nullptr;
}

constexpr bool isMlDsa(KeyType type) {
    const auto* row = parameterSetOf(type);
    return row != nullptr && row->keyType == CKK_ML_DSA;
}

constexpr bool isMlKem(KeyType type) {
    const auto* row = parameterSetOf(type);
    return row != nullptr && row->keyType == CKK_ML_KEM;
}

/// The additional attributes of such keys; none for other keys. CKA_VALUE of a private key is
/// secret, and not among them.
std::span<const CK_ATTRIBUTE_TYPE> parameterSetAttributes(const pkcs11::Attributes& attributes);

/// The type according to CKA_KEY_TYPE and CKA_PARAMETER_SET; nothing for other types.
std::optional<KeyType> parameterSetType(const pkcs11::Attributes& attributes);

} // namespace keymgmt
