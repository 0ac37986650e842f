// SPDX-License-Identifier: Apache-2.0
// ECDH-ES+A256KW of JWE: RFC 7518, section 4.6. A key for this message alone and the recipient's
// agree on a secret, from which the Concat KDF (NIST SP 800-56A, SHA-256) makes the key for AES key
// wrap.
#pragma once

#include "tools/keys/json.h"
#include "tools/keys/key.h"

namespace p11::tools::ecdh_es {

struct Wrapped {
    Json ephemeral; ///< the public half of the key made for this message, a JWK
    Bytes key;
};

/// `recipient` is an EC public key. Throws KeyError.
Wrapped wrap(const Key& recipient, ByteView key);

/// Throws KeyError, and Error where `wrapped` is malformed.
SecretBytes unwrap(const Key& recipient, const Wrapped& wrapped);

} // namespace p11::tools::ecdh_es
