// SPDX-License-Identifier: Apache-2.0
// Public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6).
#pragma once

#include "tools/keys/json.h"
#include "tools/keys/key.h"

namespace p11::tools::jwk {

/// `key` is a public half. Throws KeyError unless it is RSA or on P-256, P-384 or P-521.
Json from(const Key& key);

/// The members that identify the key, sorted and without blanks (RFC 7638). Throws as `from`.
std::string canonical(const Key& key);

/// An EC public key in the context of `other` and on the same curve. Throws Error, naming `what`,
/// if `value` is not such a key.
Key peer(const Json& value, const Key& other, const std::string& what);

/// The name of an EC key's curve in a JWK. Throws KeyError if there is none.
std::string curve(const Key& key);

/// The JWK thumbprint (RFC 7638, SHA-256, base64url) of an RSA or EC key's public half; "" if the
/// token does not give that half.
std::string thumbprint(const Key& key);

} // namespace p11::tools::jwk
