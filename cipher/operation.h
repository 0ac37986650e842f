// SPDX-License-Identifier: Apache-2.0
// One encryption or decryption with a key on a token. It holds no session: each piece of data is an
// operation of the token's own, and what leads from one to the next (IV, counter) is kept here.
#pragma once

#include <array>
#include <memory>
#include <span>

#include <openssl/params.h>

#include "cipher/algorithm.h"
#include "skeymgmt/secret_key.h"

namespace cipher {

using Octets = std::span<const unsigned char>;
using Buffer = std::span<unsigned char>;

inline constexpr std::size_t blockSize = 16; // bytes; AES
using Block = std::array<unsigned char, blockSize>;

/// What an operation begins with.
struct Setup {
    std::shared_ptr<skeymgmt::SecretKey> key;
    bool encrypts = true;
    Octets iv; ///< of the size that the mode has
};

/// Used by one thread at a time. Functions throw UsageError and pkcs11::Error; `out` must not
/// overlap with `in` unless it begins where that does.
class Operation {
  public:
    virtual ~Operation() = default;
    virtual std::unique_ptr<Operation> clone() const = 0;

    /// Takes data, and gives what can be given already. Returns its size.
    virtual std::size_t update(Octets in, Buffer out) = 0;
    /// Data that is authenticated only.
    virtual void authenticate(Octets) {}
    /// Gives what is left.
    virtual std::size_t finish(Buffer out) = 0;

    virtual void setPadding(bool) {}
    virtual void setTag(Octets) {}
    /// Of an encryption that is finished; empty otherwise.
    virtual Octets tag() const { return {}; }
    /// The IV or counter for what would come next; empty where there is none.
    virtual Octets nextIv() const { return {}; }
};

/// C_EncryptInit and C_Encrypt, or the same for decryption, of `data`. Returns the size of what is
/// in `out`.
std::size_t onToken(const skeymgmt::SecretKey& key, bool encrypts, const CK_MECHANISM& mechanism,
                    Octets data, Buffer out);

/// Copies `data` to `out` and returns its size. Throws UsageError where it does not fit.
std::size_t give(Octets data, Buffer out);

} // namespace cipher
