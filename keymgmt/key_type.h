#pragma once

namespace keymgmt {

enum class KeyType { rsa, rsaPss, ec, ed25519, ed448 };

/// OpenSSL's name: "RSA", "RSA-PSS", "EC", "ED25519", "ED448".
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
    }
    return "";
}

constexpr bool isRsa(KeyType type) {
    return type == KeyType::rsa || type == KeyType::rsaPss;
}

} // namespace keymgmt
