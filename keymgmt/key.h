// SPDX-License-Identifier: Apache-2.0
// What an EVP_PKEY of this provider holds: a key on a token, or a key in memory.
#pragma once

#include <atomic>
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

class Replicas;

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

    /// One key in place of `replicas`, which are private keys on several tokens. What it tells of
    /// itself comes from `first`, which is one of them. `uri` fits all of them.
    Key(const Key& first, std::shared_ptr<Replicas> replicas, std::string uri);

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
    const std::string& uri() const { return uri_.empty() ? token_->uri() : uri_; }
    /// Those that do the operations of this key (withReplica()). Null if it does them itself.
    const std::shared_ptr<Replicas>& replicas() const { return replicas_; }
    /// Makes it one of several replicas, whose operations are counted.
    void setReplica() { isReplica_ = true; }
    bool isReplica() const { return isReplica_; }
    /// Asks the token something that has nothing to do with keys and data. Throws pkcs11::Error if
    /// it does not answer.
    void requireAnswers() const;
    /// The number of operations that are under way with a replica, in this process.
    std::size_t underWay() const;
    /// Counts one in its scope.
    class Use;
    /// Gives the token a question, and lets the private key prove itself if it can. Throws
    /// pkcs11::Error.
    void proveAgain() const { token_->proveAgain(); }
    /// Shares the secret of rejectionSecret() with a key that is the same on another token.
    void shareRejectionSecret(const Key& other) { token_->shareRejectionSecret(*other.token_); }
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
    void begin();

    ossl::ProviderContext& context_;
    KeyType type_;
    std::unique_ptr<SoftwareKey> software_; ///< or
    std::shared_ptr<TokenKey> token_;
    std::shared_ptr<Replicas> replicas_;
    std::string uri_; ///< of all replicas
    bool isReplica_ = false;
    std::atomic<std::size_t> underWay_{0};
    std::atomic<unsigned long> underWayIn_{0}; ///< process::forkCount()
    std::shared_ptr<Ambiguity> ambiguity_;
};

class Key::Use {
  public:
    explicit Use(Key& key) : key_(key.isReplica_ ? &key : nullptr) {
        if (key_ != nullptr)
            key_->begin();
    }
    ~Use() {
        if (key_ != nullptr)
            --key_->underWay_;
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

  private:
    Key* key_;
};

} // namespace p11::keymgmt
