// SPDX-License-Identifier: Apache-2.0
// Removing RSA encryption padding in the host, in constant time (RFC 8017, section 7; RFC 5246,
// section 7.4.7.1).
#pragma once

#include <cstdint>
#include <span>

#include "ossl/context.h"
#include "ossl/handles.h"
#include "ossl/secret.h"
#include "pkcs11/attributes.h"
#include "pkcs11/constant_time.h"

namespace asym_cipher {

using Octets = std::span<const unsigned char>;
using Buffer = std::span<unsigned char>;

using ossl::SecretBytes;

/// What takes the place of a message whose padding is wrong. Made before the padding is looked at.
struct Substitute {
    SecretBytes message;
    std::size_t size;
};

/// A substitute for `ciphertext`, always the same for the same `secret` (the idea of
/// draft-irtf-cfrg-rsa-guidance, section 7). The message is at most `longest` bytes. Throws
/// UsageError.
Substitute makeSubstitute(OSSL_LIB_CTX* libctx, Octets secret, Octets ciphertext,
                          std::size_t longest);

/// Moves the first `size` bytes to the end of `block`, with zeros before them, in a time that does
/// not depend on `size`. Where that exceeds the block all of it becomes zero.
void alignRight(Buffer block, std::size_t size);

/// A message without its PKCS#1 v1.5 padding, in room for the longest one at least. Nobody branches
/// on anything in it.
struct Unpadded {
    SecretBytes message;
    std::size_t size;
    pkcs11::constant_time::Mask good; ///< none: the padding was wrong
};

/// Removes the padding of `block`, without a difference in time or in errors.
Unpadded removePkcs1(Octets block);

/// Writes the message, or the substitute in place of one that is not good. Returns the size of
/// either; `out` has room for the longest message.
std::size_t messageOrSubstitute(const Unpadded& unpadded, const Substitute& substitute, Buffer out);

/// TLS 1.2's RSA key exchange: always gives 48 bytes; random ones where the padding, the length or
/// the version is wrong. `negotiatedVersion` is accepted beside the client's if it is not 0. Throws
/// UsageError.
void premasterOrRandom(OSSL_LIB_CTX* libctx, const Unpadded& unpadded, unsigned clientVersion,
                       unsigned negotiatedVersion, Buffer out);

/// A message that is in the caller's buffer.
struct Decoded {
    std::size_t size;
    pkcs11::constant_time::Mask good; ///< none: there is no message, for whatever reason
};

/// Writes the message in `block` to `out`, without a difference in time or in errors.
Decoded oaepDecode(Octets block, Octets label, const EVP_MD* digest, const EVP_MD* mgf1,
                   Buffer out);

/// A block, smaller than the modulus and fixed by it, whose decryption nobody has without the
/// private key.
pkcs11::Bytes challengeFor(Octets modulus);

} // namespace asym_cipher
