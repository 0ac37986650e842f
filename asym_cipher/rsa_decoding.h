// SPDX-License-Identifier: Apache-2.0
// Removing RSA encryption padding in the host, in constant time (RFC 8017, section 7; RFC 5246,
// section 7.4.7.1).
#pragma once

#include <cstdint>
#include <span>

#include "ossl/handles.h"
#include "ossl/provider_context.h"
#include "ossl/secret.h"
#include "pkcs11/attributes.h"
#include "pkcs11/bytes.h"
#include "pkcs11/constant_time.h"

namespace p11::asym_cipher {

using pkcs11::ByteView;
using pkcs11::MutableBytes;

using ossl::SecretBytes;

/// The substitute for a message with wrong padding. It is made before the padding is examined.
struct Substitute {
    SecretBytes message;
    std::size_t size;
};

/// A substitute for `ciphertext`, always the same for the same `secret` (the idea of
/// draft-irtf-cfrg-rsa-guidance, section 7). The message has at most `longest` bytes. Throws
/// UsageError.
Substitute makeSubstitute(OSSL_LIB_CTX* libctx, ByteView secret, ByteView ciphertext,
                          std::size_t longest);

/// Moves the first `size` bytes to the end of `block`, with zeros before them. The time does not
/// depend on `size`. If `size` exceeds the block, the whole block becomes zero.
void alignRight(MutableBytes block, std::size_t size);

/// A message without its PKCS#1 v1.5 padding. The buffer has room for the longest message. No code
/// branches on any of it.
struct Unpadded {
    SecretBytes message;
    std::size_t size;
    pkcs11::constant_time::Mask good; ///< none: the padding was wrong
};

/// Removes the padding of `block`. Time and errors do not depend on the padding.
Unpadded removePkcs1(ByteView block);

/// Writes the message, or the substitute if the message is bad. Returns the size of what it wrote.
/// `out` has room for the longest message.
std::size_t messageOrSubstitute(const Unpadded& unpadded, const Substitute& substitute,
                                MutableBytes out);

/// TLS 1.2's RSA key exchange. Always gives 48 bytes: random ones if the padding, the length or the
/// version is wrong. If `negotiatedVersion` is not 0, it is accepted beside the client's. Throws
/// UsageError.
void premasterOrRandom(OSSL_LIB_CTX* libctx, const Unpadded& unpadded, unsigned clientVersion,
                       unsigned negotiatedVersion, MutableBytes out);

/// A message in the caller's buffer.
struct Decoded {
    std::size_t size;
    pkcs11::constant_time::Mask good; ///< none: there is no message, for any reason
};

/// Writes the message in `block` to `out`. Time and errors do not depend on the padding.
Decoded oaepDecode(ByteView block, ByteView label, const EVP_MD* digest, const EVP_MD* mgf1,
                   MutableBytes out);

/// A block, smaller than the modulus and determined by it. Without the private key nobody can
/// decrypt it. `digest` is SHA-256.
pkcs11::Bytes challengeFor(ByteView modulus, const EVP_MD* digest);

} // namespace p11::asym_cipher
