// SPDX-License-Identifier: Apache-2.0
// A key as the tools use it.
#pragma once

#include <memory>
#include <string>

#include "ossl/handles.h"

namespace tools {

/// An EVP_PKEY and the library context that it lives in, which ends after it.
struct Key {
    std::shared_ptr<OSSL_LIB_CTX> library;
    ossl::Pkey pkey;
    std::string name; ///< as it may be shown: a URI without PIN, or a path

    bool isRsa() const { return EVP_PKEY_is_a(pkey.get(), "RSA") == 1; }
    bool isEc() const { return EVP_PKEY_is_a(pkey.get(), "EC") == 1; }
};

/// What never goes to a token: keys made here, public keys, symmetric ciphers.
inline constexpr const char* inSoftware = "provider!=pkcs11";

/// The public half of `key` in OpenSSL's own memory. Throws KeyError.
Key publicHalf(const Key& key);

/// The JWK thumbprint (RFC 7638, SHA-256, base64url) of an RSA or EC key's public half, or "" if it
/// can't be told: the token may keep it to itself.
std::string thumbprint(const Key& key);

} // namespace tools
