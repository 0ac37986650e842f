// SPDX-License-Identifier: Apache-2.0
// Whether a public key is that of a private key on a token.
#pragma once

#include <memory>

#include "keymgmt/possession.h"
#include "pkcs11/bytes.h"

namespace p11::keymgmt {

/// Compares public keys with what the private key tells of itself, and lets it prove them. All
/// references outlive this. Thread-safe.
class KeyProof {
  public:
    /// `partial` is the private key's partial key (keymgmt/key_family.h), or null.
    KeyProof(const ossl::ProviderContext& context, KeyType type, pkcs11::TokenObject& object,
             EVP_PKEY* partial, Refusals& refusals);

    const ossl::ProviderContext& context() const { return context_; }
    KeyType type() const { return type_; }
    pkcs11::TokenObject& object() const { return object_; }

    /// True if what the private key tells of itself distinguishes it from all others (an RSA
    /// modulus).
    bool isSelfEvident() const;

    /// True if `candidate` agrees with what the private key tells of itself: type, group or
    /// modulus. Does not call the token.
    bool isPossible(EVP_PKEY* candidate) const;
    /// True if `candidate` is possible, and the private key proves it. Throws pkcs11::Error.
    bool isOwn(EVP_PKEY* candidate) const;

    enum class Answer { yes, no, unknown };
    /// The answer for a possible `candidate`, from the object at `handle`. Unknown if the key
    /// cannot prove anything, or only with a PIN that somebody has to enter. Throws pkcs11::Error
    /// if the session is lost.
    Answer ask(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;

    /// True if what was found at `handle` after a loss proves `known`, or cannot prove anything.
    /// Throws pkcs11::Error.
    bool provesStill(EVP_PKEY* known, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;
    /// True if it proves `candidate`. Throws pkcs11::Error.
    bool proves(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;

    /// True if `candidate` verifies a signature of the private key: of a hash, or of a message
    /// where such keys sign messages.
    bool verifies(EVP_PKEY* candidate, ByteView data, ByteView signature) const;

    /// True if somebody may have to enter a PIN for each use.
    bool asksForPin() const;

  private:
    bool cannotProve() const;

    const ossl::ProviderContext& context_;
    KeyType type_;
    pkcs11::TokenObject& object_;
    EVP_PKEY* partial_;
    Refusals& refusals_;
};

} // namespace p11::keymgmt
