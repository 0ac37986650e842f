// SPDX-License-Identifier: Apache-2.0
// The program's own format, version 1. It takes contents of any length: they are encrypted with a
// new AES-256-GCM key, which is wrapped for each recipient. It is JWE in the general JSON
// serialization (RFC 7516), with one member more:
//
//     {"version": 1, "protected": base64url({"enc":"A256GCM","version":1}),
//      "recipients": [{"header": {"alg": "RSA-OAEP-256", "kid": THUMBPRINT}, "encrypted_key": ...},
//                     {"header": {"alg": "ECDH-ES+A256KW", "kid": ..., "epk": JWK}, ...}],
//      "iv": ..., "ciphertext": ..., "tag": ...}
//
// The version is authenticated with the contents. "kid" is the JWK thumbprint (RFC 7638).
#pragma once

#include <cstdint>
#include <vector>

#include "tools/keyprovider/keyring.h"
#include "tools/keyprovider/oaep.h"
#include "tools/keys/json.h"

namespace p11::tools::envelope {

inline constexpr std::uint64_t version = 1;

/// `hash` is for RSA recipients. Throws KeyError and Error. Either all recipients are in the
/// annotation, or there is none.
Json seal(const std::vector<Key>& recipients, oaep::Hash hash, ByteView contents);

/// `annotation` has the version. Throws Error.
SecretBytes open(const Json& annotation, Keyring& keys);

/// What is known without a key. Throws Error.
Json describe(const Json& annotation);

} // namespace p11::tools::envelope
