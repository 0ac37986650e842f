// SPDX-License-Identifier: Apache-2.0
// What is repeated after a failure, and what is not (docs/recovery.md has the table).
#pragma once

#include <memory>

#include "pkcs11/error.h"
#include "pkcs11/token.h"

namespace p11::pkcs11 {

/// What may help after a failure.
enum class Remedy {
    none,        ///< nothing: it would fail again, or must not be repeated
    readWrite,   ///< read/write sessions only
    handle,      ///< find the object again
    session,     ///< another session
    sessionPool, ///< new sessions and a new login; C_Initialize, if somebody else ended the module
    login,       ///< the same for an object that was found without a login
    restart      ///< the same after C_Finalize and C_Initialize: there is no way to the token
};

/// The remedy that `error` allows. These are never repeated: a login whose PIN may have been
/// checked, a decryption or a key agreement that may have failed because of somebody's data, and
/// what may have changed the token.
Remedy remedyFor(const Error& error);

/// True for an answer of C_DeriveKey or C_DecapsulateKey that a peer's data may have caused. It is
/// not repeated in a good session, so that a peer cannot cause a login.
bool mayBlamePeer(const Error& error);

/// The attempts at one operation, or at a search for tokens: four at most, and some more if other
/// threads lose or complete operations in between. Used by one thread.
class Recovery {
  public:
    explicit Recovery(Module& module);
    explicit Recovery(Token& token);

    /// After a failed attempt, on `pool` of the token or before there was one (null): chooses
    /// the remedy and applies it, except to the object, which the caller has. Remedy::none: do not
    /// try again. Throws nothing.
    Remedy prepare(const Error& error, const std::shared_ptr<SessionPool>& pool);

  private:
    Remedy choose(const Error& error, const std::shared_ptr<SessionPool>& pool);
    bool isCausedByOthers(const Error& error, const std::shared_ptr<SessionPool>& pool);
    bool othersSucceeded();
    bool drop(const std::shared_ptr<SessionPool>& pool);

    Module& module_;
    InitializationId initializationId_; ///< the module's, at the start of the attempt
    Token* token_ = nullptr;            ///< null for a search
    unsigned long successes_ = 0;
    int failures_ = 0;          ///< of all attempts
    int ownFailures_ = 0;       ///< of those that no other thread explains
    bool mayHaveAsked_ = false; ///< may have asked somebody to log in at a PIN pad
};

/// After a call in `session` that may have failed for the sake of its arguments: discards the
/// session unless `error` leaves it good.
void discardUnlessGood(Session& session, const Error& error);

/// Runs `work(pool)` with the session pool of `token`. If that is lost, it runs again with
/// another one. Throws Error.
template <typename Work>
auto withSessionPool(Token& token, Work&& work) {
    for (Recovery recovery(token);;) {
        std::shared_ptr<SessionPool> used;
        try {
            used = token.sessionPool();
            const Token::Success success(token);
            return work(used);
        } catch (const Error& error) {
            if (recovery.prepare(error, used) == Remedy::none)
                throw;
        }
    }
}

} // namespace p11::pkcs11
