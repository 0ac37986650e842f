// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <openssl/core_dispatch.h>

namespace keymgmt {

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

inline constexpr std::array allKeyTypes{
    KeyType::rsa,      KeyType::rsaPss,   KeyType::ec,       KeyType::ed25519, KeyType::ed448,
    KeyType::x25519,   KeyType::x448,     KeyType::mlDsa44,  KeyType::mlDsa65, KeyType::mlDsa87,
    KeyType::mlKem512, KeyType::mlKem768, KeyType::mlKem1024};

/// OpenSSL's name: "RSA", "RSA-PSS", "EC", "ED25519", "X25519", "ML-DSA-65".
constexpr const char* nameOf(KeyType type) {
    switch (type) {
    case KeyType::rsa:
        return "RSA";
    case KeyType::rsaPss:
        return "RSA-PSS";
    case KeyType::ec:
        return "EC";
    case KeyType::ed25519:
        return "ED25519";
    case KeyType::ed448:
        return "ED448";
    case KeyType::x25519:
        return "X25519";
    case KeyType::x448:
        return "X448";
    case KeyType::mlDsa44:
        return "ML-DSA-44";
    case KeyType::mlDsa65:
        return "ML-DSA-65";
    case KeyType::mlDsa87:
        return "ML-DSA-87";
    case KeyType::mlKem512:
        return "ML-KEM-512";
    case KeyType::mlKem768:
        return "ML-KEM-768";
    case KeyType::mlKem1024:
        return "ML-KEM-1024";
    }
    return "";
}

constexpr bool isRsa(KeyType type) {
    return type == KeyType::rsa || type == KeyType::rsaPss;
}

/// X25519 and X448 (RFC 7748), which can only agree on secrets.
constexpr bool isMontgomery(KeyType type) {
    return type == KeyType::x25519 || type == KeyType::x448;
}

/// The name by which OpenSSL fetches an operation (OSSL_OP_SIGNATURE ...) for such a key.
constexpr const char* operationNameOf(KeyType type, int operation) {
    if (type == KeyType::ec && operation == OSSL_OP_SIGNATURE)
        return "ECDSA";
    if (type == KeyType::ec && operation == OSSL_OP_KEYEXCH)
        return "ECDH";
    return isRsa(type) ? "RSA" : nameOf(type);
}

} // namespace keymgmt
