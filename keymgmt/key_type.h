#pragma once

namespace keymgmt {

enum class KeyType { rsa, rsaPss, ec, ed25519, ed448, x25519, x448 };

/// OpenSSL's name: "RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519", "X448".
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
    }
    return "";
}

constexpr bool isRsa(KeyType type) {
    return type == KeyType::rsa || type == KeyType::rsaPss;
}

/// X25519 and X448 (RFC 7748), which agree on secrets and do nothing else.
constexpr bool isMontgomery(KeyType type) {
    return type == KeyType::x25519 || type == KeyType::x448;
}

} // namespace keymgmt
