// SPDX-License-Identifier: Apache-2.0
// One encryption or decryption with a key on a token. It holds no session: each piece of data is a
// separate operation on the token, and the IV or counter for the next one is kept here.
#pragma once

#include <array>
#include <memory>

#include <openssl/params.h>

#include "cipher/algorithm.h"
#include "pkcs11/bytes.h"
#include "skeymgmt/secret_key.h"

namespace p11::cipher {

using pkcs11::ByteView;
using pkcs11::MutableBytes;

inline constexpr std::size_t blockSize = 16; // bytes; AES
using Block = std::array<unsigned char, blockSize>;

/// The parameters with which an operation starts.
struct Setup {
    std::shared_ptr<skeymgmt::SecretKey> key;
    bool encrypts = true;
    ByteView iv; ///< of the size that the mode has
};

/// Used by one thread at a time. Functions throw UsageError and pkcs11::Error. `out` must not
/// overlap `in`, unless both start at the same address.
class Operation {
  public:
    virtual ~Operation() = default;
    virtual std::unique_ptr<Operation> clone() const = 0;

    /// Takes data, and returns the size of the output that is already available.
    virtual std::size_t update(ByteView in, MutableBytes out) = 0;
    /// Additional authenticated data. Throws UsageError if the mode has none.
    virtual void authenticate(ByteView data);
    /// Writes the rest of the output.
    virtual std::size_t finish(MutableBytes out) = 0;

    virtual void setPadding(bool) {}
    virtual void setTag(ByteView) {}
    /// The tag of a finished encryption, otherwise empty.
    virtual ByteView tag() const { return {}; }
    /// The IV or counter for the next data. Empty in modes without one.
    virtual ByteView nextIv() const { return {}; }
};

/// C_EncryptInit and C_Encrypt of `data`, or the same for decryption. Returns the size of the
/// result in `out`.
std::size_t onToken(const skeymgmt::SecretKey& key, bool encrypts, const CK_MECHANISM& mechanism,
                    ByteView data, MutableBytes out);

/// Copies `data` to `out` and returns its size. Throws UsageError if it does not fit.
std::size_t give(ByteView data, MutableBytes out);

} // namespace p11::cipher
