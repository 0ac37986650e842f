// SPDX-License-Identifier: Apache-2.0
// Signatures as a user's program makes them, and their verification without the provider.
#pragma once

#include <optional>

#include <openssl/evp.h>

#include "tools/shared/bytes.h"

namespace p11::tools::doctor {

/// How a key signs.
struct Scheme {
    const char* digest; ///< null where the algorithm has its own
    bool isPss;
};

/// Nothing for keys that do not sign, such as X25519.
std::optional<Scheme> schemeOf(const EVP_PKEY* key, bool onlyPss);

/// True if other programs get the public half of `key`.
bool hasPublicHalf(EVP_PKEY* key);

/// A signature of `data`. Empty if it fails; OpenSSL's error queue has the reasons.
Bytes sign(OSSL_LIB_CTX* library, EVP_PKEY* key, const Scheme& scheme, ByteView data);

/// True if the default provider alone, which gets the public half of `key`, verifies it.
bool verifies(EVP_PKEY* key, const Scheme& scheme, ByteView data, ByteView signature);

} // namespace p11::tools::doctor
