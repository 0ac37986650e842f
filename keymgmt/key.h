// SPDX-License-Identifier: Apache-2.0
// What an EVP_PKEY of this provider holds: a key on a token, or a key in memory.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "keymgmt/ambiguity.h"
#include "keymgmt/key_types.h"
#include "keymgmt/public_key.h"
#include "keymgmt/refusals.h"
#include "keymgmt/software_key.h"
#include "keymgmt/token_key.h"
#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"
#include "pkcs11/object.h"

namespace p11::keymgmt {

/// Either a SoftwareKey or a TokenKey, and whether it may be used. Thread-safe after construction.
/// Setters are for keys that only one thread has yet. Functions that are about a key on a token
/// must not be called for a key in memory.
class Key {
  public:
    /// A key in memory.
    Key(ossl::ProviderContext& context, KeyType type, std::unique_ptr<SoftwareKey> software);
    /// The same, empty, for import to fill. Throws UsageError if no other provider has keys of
    /// `type`.
    Key(ossl::ProviderContext& context, KeyType type);
    /// A private or public key on a token. `uri` is its complete URI without a PIN. Throws
    /// pkcs11::Error if its attributes make no sense.
    Key(ossl::ProviderContext& context, KeyType type,
        const std::shared_ptr<pkcs11::TokenObject>& object, std::string uri);

    ossl::ProviderContext& context() const { return context_; }
    KeyType type() const { return type_; }

    /// A key in memory: an application's key that reached this provider's keymgmt only because it
    /// is the first. Every operation with it works as if this provider were absent. Null if the key
    /// is on a token.
    const SoftwareKey* software() const { return software_.get(); }
    SoftwareKey* software() { return software_.get(); }
    bool isOnToken() const { return token_ != nullptr; }
    bool isPrivate() const { return token_ && token_->isPrivate(); }

    /// The public key, and never a private one. That of a private key on a token comes from the
    /// object's own attributes, the public-key object, or the certificate with the same CKA_ID,
    /// whichever exists first and fits. If the private key can be asked, it has to prove it. Null
    /// if none fits. Only the first call asks the token. Owned by this key. Throws pkcs11::Error.
    EVP_PKEY* publicKey() const;
    /// The same, but throws UsageError instead of returning null.
    EVP_PKEY* requirePublicKey() const;
    /// True if `candidate` is the public key. If the token does not give the public half, the
    /// private key has to prove it, by a signature or, if it may not sign, by a key agreement or a
    /// decapsulation, and `candidate` is kept then. Throws pkcs11::Error.
    bool isPublicHalf(EVP_PKEY* candidate) const;
    /// A key that gives sizes and group, without a call to the token: the public key if it is
    /// known, or one of the parameters alone, or one whose other parameter is invented
    /// (KeyFamily::inventedParameter). Null if nothing is known. Owned by this key.
    EVP_PKEY* partialKey() const;
    /// Length of an RSA modulus in bytes; 0 for other keys.
    std::size_t modulusSize() const;

    /// The complete URI of a key on a token.
    const std::string& uri() const { return token_->uri(); }
    /// The private key on the token. Throws UsageError if this is not a private key, or if several
    /// keys fit.
    pkcs11::TokenObject& privateObject() const;
    /// The public half of a key on a token.
    void setPublicKey(ossl::Pkey key) { token_->half().set(std::move(key)); }
    /// True for a key on a token that can sign with PSS alone, whether it is RSA or RSA-PSS.
    bool signsPssAlone() const;
    /// What the token has refused to do with the key. Thread-safe.
    Refusals& refusals() const { return token_->refusals(); }
    /// The time that signatures with it take inside jobs of OpenSSL. Thread-safe.
    ossl::Pace& signingPace() const { return token_->signingPace(); }
    /// Keeps the token's first signature of a hash, or of a message where the key signs messages.
    /// After a loss, it identifies a key that nothing else identifies. Long messages are not kept.
    void keepSampleSignature(pkcs11::ByteView data, pkcs11::ByteView signature) const {
        token_->half().keepSampleSignature(data, signature);
    }
    /// The secret for the substitutes of badly padded messages; empty until it is set. The first
    /// one set stays, and is wiped with the key. The caller wipes `secret`.
    pkcs11::ByteView rejectionSecret() const { return token_->rejectionSecret(); }
    pkcs11::ByteView keepRejectionSecret(pkcs11::ByteView secret) const {
        return token_->keepRejectionSecret(secret);
    }

    /// True if both are the same object on a token, whatever else is known about it.
    bool isSameObject(const Key& other) const;
    /// True if the type, or label and id, distinguish them. Does not call the token.
    bool isNamedApart(const Key& other) const;

    void setAmbiguity(std::shared_ptr<Ambiguity> ambiguity) { ambiguity_ = std::move(ambiguity); }
    /// Null if this is the only private key of its search.
    const std::shared_ptr<Ambiguity>& ambiguity() const { return ambiguity_; }
    /// Throws pkcs11::Error if the search that made this key also found others.
    void requireUnambiguous() const;
    /// The same for writing the key to a file. A caller that makes a list does this before it asks
    /// for the next key.
    void requireListedOrUnambiguous() const;

  private:
    ossl::ProviderContext& context_;
    KeyType type_;
    std::unique_ptr<SoftwareKey> software_; ///< or
    std::unique_ptr<TokenKey> token_;
    std::shared_ptr<Ambiguity> ambiguity_;
};

} // namespace p11::keymgmt
