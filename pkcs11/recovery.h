// SPDX-License-Identifier: Apache-2.0
// What is done again after a failure, and what is not (docs/recovery.md has the table).
#pragma once

#include <memory>

#include "pkcs11/error.h"
#include "pkcs11/life.h"

namespace pkcs11 {

class Connection;
class Module;
class Token;

/// What may help after a failure.
enum class Remedy {
    none,       ///< nothing: it would fail again, or must not be repeated
    handle,     ///< finding the object again
    session,    ///< another session
    connection, ///< new sessions and a new login
    module      ///< C_Initialize, which somebody else has undone
};

/// What `error` allows. A login whose PIN may have been looked at, a decryption or
/// a key agreement that may have failed because of somebody's data, and what may have changed the
/// token are never repeated.
Remedy remedyFor(const Error& error);

/// True for an answer of C_DeriveKey or C_DecapsulateKey that a peer's data may be the cause of. It
/// is not repeated in a session that is good, so that a peer can't cost the token a login.
bool mayBlamePeer(const Error& error);

/// The attempts at one operation, or at a search for tokens: four at most, and some more where
/// other threads' losses or successes come in between. Used by one thread.
class Recovery {
  public:
    explicit Recovery(Module& module);
    explicit Recovery(const Token& token);

    /// After a failed attempt, on `connection` or before there was one (null): true if the
    /// operation is to be tried again, for which everything is prepared then. Throws nothing.
    bool prepare(const Error& error, const std::shared_ptr<Connection>& connection);

  private:
    bool mayTry(const Error& error, const std::shared_ptr<Connection>& connection);
    bool othersSucceeded();

    Module& module_;
    Epoch epoch_; ///< the module's life at the beginning of the attempt
    const Token* token_ = nullptr;
    unsigned long successes_ = 0;
    int left_ = 3;
    bool isLast_ = false; ///< of those that are left to this operation itself
    int leftAfterOthers_ = 16;
    bool mayHaveAsked_ = false; ///< somebody, to log in at a PIN pad
};

} // namespace pkcs11
