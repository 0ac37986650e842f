// SPDX-License-Identifier: Apache-2.0
// AES-256: GCM for contents, key wrap (RFC 3394) for keys.
#pragma once

#include "ossl/handles.h"
#include "tools/shared/bytes.h"

namespace p11::tools::aes {

inline constexpr std::size_t keySize = 32;
inline constexpr std::size_t nonceSize = 12;
inline constexpr std::size_t tagSize = 16;

SecretBytes randomBytes(OSSL_LIB_CTX* library, std::size_t size);

struct Sealed {
    Bytes nonce;
    Bytes ciphertext; ///< as long as the plaintext
    Bytes tag;
};

/// Encrypts with a new nonce, and authenticates `additional` with it. Throws Error.
Sealed seal(OSSL_LIB_CTX* library, ByteView key, ByteView additional, ByteView plaintext);

/// Throws KeyError if anything was changed, or `key` is not the one.
SecretBytes open(OSSL_LIB_CTX* library, ByteView key, ByteView additional, const Sealed& sealed);

/// `wrapped` is 8 bytes longer than `key`. They throw Error and KeyError.
Bytes wrapKey(OSSL_LIB_CTX* library, ByteView wrappingKey, ByteView key);
SecretBytes unwrapKey(OSSL_LIB_CTX* library, ByteView wrappingKey, ByteView wrapped);

} // namespace p11::tools::aes
