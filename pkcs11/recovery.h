// SPDX-License-Identifier: Apache-2.0
// What is repeated after a failure, and what is not (docs/recovery.md has the table).
#pragma once

#include <memory>

#include "pkcs11/error.h"
#include "pkcs11/token.h"

namespace pkcs11 {

/// What may help after a failure.
enum class Remedy {
    none,       ///< nothing: it would fail again, or must not be repeated
    handle,     ///< find the object again
    session,    ///< another session
    connection, ///< new sessions and a new login
    module      ///< C_Initialize, because somebody else has ended the module
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

    /// After a failed attempt, on `connection` of the token or before there was one (null): true if
    /// everything is prepared for another attempt. Throws nothing.
    bool prepare(const Error& error, const std::shared_ptr<Connection>& connection);

  private:
    bool mayTry(const Error& error, const std::shared_ptr<Connection>& connection);
    bool othersSucceeded();

    Module& module_;
    Epoch epoch_;            ///< the module's life at the start of the attempt
    Token* token_ = nullptr; ///< null for a search
    unsigned long successes_ = 0;
    int left_ = 3;
    bool isLast_ = false; ///< the last of this operation's own attempts
    int leftAfterOthers_ = 16;
    bool mayHaveAsked_ = false; ///< may have asked somebody to log in at a PIN pad
};

/// Runs `work(connection)` with a connection to `token`. If that is lost, it runs again with
/// another one. Throws Error.
template <typename Work>
auto withConnection(Token& token, Work&& work) {
    for (Recovery recovery(token);;) {
        std::shared_ptr<Connection> used;
        try {
            used = token.connection();
            const Token::Success success(token);
            return work(used);
        } catch (const Error& error) {
            if (!recovery.prepare(error, used))
                throw;
        }
    }
}

} // namespace pkcs11
