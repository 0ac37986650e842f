// SPDX-License-Identifier: Apache-2.0
// A key in the tools.
#pragma once

#include <memory>
#include <string>

#include "ossl/handles.h"

namespace p11::tools {

/// An EVP_PKEY and its library context, which outlives it.
struct Key {
    std::shared_ptr<OSSL_LIB_CTX> library;
    ossl::Pkey pkey;
    std::string name; ///< printable: a URI without PIN, or a path

    bool isRsa() const { return EVP_PKEY_is_a(pkey.get(), "RSA") == 1; }
    bool isEc() const { return EVP_PKEY_is_a(pkey.get(), "EC") == 1; }
};

/// The property query for what never goes to a token: keys made here, public keys, symmetric
/// ciphers.
inline constexpr const char* inSoftware = "provider!=pkcs11";

/// The public half of `key` in OpenSSL's own memory. Throws KeyError.
Key publicHalf(const Key& key);

} // namespace p11::tools
