// SPDX-License-Identifier: Apache-2.0
// Digests that a token makes, without a key. Most tokens need no login for them.
#pragma once

#include <functional>
#include <memory>

#include "pkcs11/bytes.h"
#include "pkcs11/secret.h"
#include "pkcs11/token.h"

namespace p11::pkcs11 {

/// Logs in, for a token that refuses a digest without a login (tpm2-pkcs11). Throws.
using LogIn = std::function<void(Session&)>;

/// C_DigestInit and C_Digest. Returns the size of the hash, for which `out` must have room. It is
/// repeated after a loss. Throws Error.
std::size_t digest(Token& token, CK_MECHANISM_TYPE mechanism, const LogIn& logIn, ByteView data,
                   MutableBytes out);

/// A digest that stays active in a session, because its data comes in parts. Used by one thread at
/// a time, which may be another each time. After an exception it is of no use. Functions throw
/// Error.
class DigestStream {
  public:
    /// C_DigestInit, and C_DigestUpdate with `data`. They are repeated after a loss. Later calls
    /// are not: the data is gone.
    DigestStream(Token& token, CK_MECHANISM_TYPE mechanism, const LogIn& logIn, ByteView data);
    /// The session is closed, unless finish() has ended the digest.
    ~DigestStream();
    DigestStream(const DigestStream&) = delete;
    DigestStream& operator=(const DigestStream&) = delete;

    void update(ByteView data);
    /// Returns the size of the hash, for which `out` must have room. Nothing may follow.
    std::size_t finish(MutableBytes out);
    /// A digest of the same data, in another session (C_GetOperationState and
    /// C_SetOperationState). An error leaves this one as it is.
    std::unique_ptr<DigestStream> copy();

  private:
    explicit DigestStream(Session session) : session_(std::move(session)) {}
    template <auto Member, typename... Args>
    void require(Args... args);
    SecretBytes state();

    Session session_;
    bool ended_ = false;
};

} // namespace p11::pkcs11
