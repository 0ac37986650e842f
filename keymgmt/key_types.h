// SPDX-License-Identifier: Apache-2.0
// The types of keys: one row each, from which algorithms, dispatch tables and sizes are made. What
// the types of a family have in common is in keymgmt/key_family.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <openssl/core_dispatch.h>
#include <openssl/obj_mac.h>

#include "pkcs11/cryptoki.h"

namespace p11::keymgmt {

enum class KeyType {
    rsa,
    rsaPss,
    ec,
    ed25519,
    ed448,
    x25519,
    x448,
    mlDsa44,
    mlDsa65,
    mlDsa87,
    mlKem512,
    mlKem768,
    mlKem1024
};

struct KeyFamily;
/// Each is defined in the file with its name ("keymgmt/ml_dsa.cpp").
extern const KeyFamily rsaFamily, ecFamily, edwardsFamily, montgomeryFamily, mlDsaFamily,
    mlKemFamily;

/// What is told of keys that do not tell their public value.
struct Sizes {
    int bits;                 ///< as OpenSSL counts them
    int securityBits;         ///< likewise
    int largest;              ///< signature, secret or ciphertext, in bytes
    int securityCategory = 0; ///< of NIST's post-quantum criteria; 0: none
};

/// A curve that is a type of its own (RFC 7748, RFC 8032).
struct NamedCurve {
    int nid = NID_undef;
    const char* name = nullptr; ///< PKCS#11 3.0, section 2.3.3
    std::size_t publicSize = 0; ///< of a public value, in bytes
};

struct KeyTypeRow {
    KeyType type;
    const KeyFamily* family;
    const char* name;
    /// The name, its aliases and its OID, as in OpenSSL's default provider: EVP compares them
    /// across providers.
    const char* names;
    Sizes sizes;
    /// The names of the algorithms that such keys are used with, if they are not `names`.
    const char* signature = nullptr;
    const char* exchange = nullptr;
    /// The type whose algorithms such keys are used with, if they have none of their own.
    const char* algorithmsOf = nullptr;
    NamedCurve curve{};
    CK_ULONG parameterSet = 0; ///< CKA_PARAMETER_SET
};

/// Those of P-521, which are the largest of the usual EC keys.
inline constexpr Sizes unknownSizes{.bits = 521, .securityBits = 256, .largest = 141};

inline constexpr std::array keyTypes{
    KeyTypeRow{.type = KeyType::rsa,
               .family = &rsaFamily,
               .name = "RSA",
               .names = "RSA:rsaEncryption:1.2.840.113549.1.1.1",
               .sizes = unknownSizes},
    KeyTypeRow{.type = KeyType::rsaPss,
               .family = &rsaFamily,
               .name = "RSA-PSS",
               .names = "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10",
               .sizes = unknownSizes,
               .algorithmsOf = "RSA"},
    KeyTypeRow{.type = KeyType::ec,
               .family = &ecFamily,
               .name = "EC",
               .names = "EC:id-ecPublicKey:1.2.840.10045.2.1",
               .sizes = unknownSizes,
               .signature = "ECDSA",
               .exchange = "ECDH"},
    KeyTypeRow{.type = KeyType::ed25519,
               .family = &edwardsFamily,
               .name = "ED25519",
               .names = "ED25519:1.3.101.112",
               .sizes = {.bits = 256, .securityBits = 128, .largest = 64},
               .curve = {NID_ED25519, "edwards25519", 32}},
    KeyTypeRow{.type = KeyType::ed448,
               .family = &edwardsFamily,
               .name = "ED448",
               .names = "ED448:1.3.101.113",
               .sizes = {.bits = 456, .securityBits = 224, .largest = 114},
               .curve = {NID_ED448, "edwards448", 57}},
    KeyTypeRow{.type = KeyType::x25519,
               .family = &montgomeryFamily,
               .name = "X25519",
               .names = "X25519:1.3.101.110",
               .sizes = {.bits = 253, .securityBits = 128, .largest = 32},
               .curve = {NID_X25519, "curve25519", 32}},
    KeyTypeRow{.type = KeyType::x448,
               .family = &montgomeryFamily,
               .name = "X448",
               .names = "X448:1.3.101.111",
               .sizes = {.bits = 448, .securityBits = 224, .largest = 56},
               .curve = {NID_X448, "curve448", 56}},
    KeyTypeRow{
        .type = KeyType::mlDsa44,
        .family = &mlDsaFamily,
        .name = "ML-DSA-44",
        .names = "ML-DSA-44:MLDSA44:2.16.840.1.101.3.4.3.17:id-ml-dsa-44",
        .sizes = {.bits = 10496, .securityBits = 128, .largest = 2420, .securityCategory = 2},
        .parameterSet = 1},
    KeyTypeRow{
        .type = KeyType::mlDsa65,
        .family = &mlDsaFamily,
        .name = "ML-DSA-65",
        .names = "ML-DSA-65:MLDSA65:2.16.840.1.101.3.4.3.18:id-ml-dsa-65",
        .sizes = {.bits = 15616, .securityBits = 192, .largest = 3309, .securityCategory = 3},
        .parameterSet = 2},
    KeyTypeRow{
        .type = KeyType::mlDsa87,
        .family = &mlDsaFamily,
        .name = "ML-DSA-87",
        .names = "ML-DSA-87:MLDSA87:2.16.840.1.101.3.4.3.19:id-ml-dsa-87",
        .sizes = {.bits = 20736, .securityBits = 256, .largest = 4627, .securityCategory = 5},
        .parameterSet = 3},
    KeyTypeRow{.type = KeyType::mlKem512,
               .family = &mlKemFamily,
               .name = "ML-KEM-512",
               .names = "ML-KEM-512:MLKEM512:id-alg-ml-kem-512:2.16.840.1.101.3.4.4.1",
               .sizes = {.bits = 512, .securityBits = 128, .largest = 768, .securityCategory = 1},
               .parameterSet = 1},
    KeyTypeRow{.type = KeyType::mlKem768,
               .family = &mlKemFamily,
               .name = "ML-KEM-768",
               .names = "ML-KEM-768:MLKEM768:id-alg-ml-kem-768:2.16.840.1.101.3.4.4.2",
               .sizes = {.bits = 768, .securityBits = 192, .largest = 1088, .securityCategory = 3},
               .parameterSet = 2},
    KeyTypeRow{.type = KeyType::mlKem1024,
               .family = &mlKemFamily,
               .name = "ML-KEM-1024",
               .names = "ML-KEM-1024:MLKEM1024:id-alg-ml-kem-1024:2.16.840.1.101.3.4.4.3",
               .sizes = {.bits = 1024, .securityBits = 256, .largest = 1568, .securityCategory = 5},
               .parameterSet = 3}};

constexpr const KeyTypeRow& rowOf(KeyType type) {
    return keyTypes[static_cast<std::size_t>(type)];
}

constexpr bool isSound(const KeyTypeRow& row) {
    const std::string_view names(row.names);
    return &row == &rowOf(row.type) && names.substr(0, names.find(':')) == row.name;
}
static_assert(std::all_of(keyTypes.begin(), keyTypes.end(), isSound),
              "the rows have the order of KeyType, and their names begin with the name");

inline constexpr auto allKeyTypes = [] {
    std::array<KeyType, keyTypes.size()> all{};
    std::transform(keyTypes.begin(), keyTypes.end(), all.begin(),
                   [](const KeyTypeRow& row) { return row.type; });
    return all;
}();

/// OpenSSL's name: "RSA", "RSA-PSS", "EC", "ED25519", "X25519", "ML-DSA-65".
constexpr const char* nameOf(KeyType type) {
    return rowOf(type).name;
}

constexpr bool isRsa(KeyType type) {
    return rowOf(type).family == &rsaFamily;
}

/// X25519 and X448 (RFC 7748), which can only agree on secrets.
constexpr bool isMontgomery(KeyType type) {
    return rowOf(type).family == &montgomeryFamily;
}

/// The name by which OpenSSL fetches an operation (OSSL_OP_SIGNATURE ...) for such a key.
constexpr const char* operationNameOf(KeyType type, int operation) {
    const auto& row = rowOf(type);
    if (row.algorithmsOf != nullptr)
        return row.algorithmsOf;
    if (row.signature != nullptr && operation == OSSL_OP_SIGNATURE)
        return row.signature;
    if (row.exchange != nullptr && operation == OSSL_OP_KEYEXCH)
        return row.exchange;
    return row.name;
}

/// The names of the algorithm of that operation; null if the row's keys use another type's.
constexpr const char* algorithmNamesOf(const KeyTypeRow& row, int operation) {
    if (row.algorithmsOf != nullptr)
        return nullptr;
    const char* name = operationNameOf(row.type, operation);
    return name == row.name ? row.names : name;
}

} // namespace p11::keymgmt
