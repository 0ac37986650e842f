// SPDX-License-Identifier: Apache-2.0
// What an EVP_PKEY of this provider holds: a key on a token, or a public key in memory.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "keymgmt/ambiguity.h"
#include "keymgmt/key_types.h"
#include "keymgmt/public_key.h"
#include "keymgmt/refusals.h"
#include "keymgmt/software_key.h"
#include "ossl/context.h"
#include "pkcs11/object.h"
#include "pkcs11/process.h"

namespace keymgmt {

/// Thread-safe after construction. Setters are for keys that only one thread has yet.
class Key {
  public:
    /// A key in memory.
    Key(ossl::Context& context, KeyType type, std::unique_ptr<SoftwareKey> software);
    /// The same, empty, for import to fill. Throws UsageError if no other provider has keys of
    /// `type`.
    Key(ossl::Context& context, KeyType type);
    /// A private or public key on a token. `uri` is its complete URI without a PIN. Throws
    /// pkcs11::Error if its attributes make no sense.
    Key(ossl::Context& context, KeyType type, std::shared_ptr<pkcs11::TokenObject> object,
        std::string uri);
    ~Key();
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;

    ossl::Context& context() const { return context_; }
    KeyType type() const { return type_; }
    const std::string& uri() const { return uri_; }
    bool isOnToken() const { return object_ != nullptr; }
    bool isKnownByModulus() const;
    bool stillProves(EVP_PKEY* known, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;
    bool isPrivate() const { return object_ && object_->type() == CKO_PRIVATE_KEY; }
    /// A key in memory: an application's key that reached this provider's keymgmt only because it
    /// is the first. Every operation with it works as if this provider were absent. Null if the key
    /// is on a token.
    const SoftwareKey* software() const { return software_.get(); }

    /// The private key on the token. Throws UsageError if this is not a private key, or if several
    /// keys fit.
    pkcs11::TokenObject& privateObject() const;

    /// The public key. It comes from the object's own attributes, the public-key object, or the
    /// certificate with the same CKA_ID, whichever exists first and fits. If the private key can be
    /// asked, it has to prove it. Null if none fits. Only the first call asks the token. Owned
    /// by this key. Throws pkcs11::Error.
    EVP_PKEY* publicKey() const;
    /// The same, but throws UsageError instead of returning null.
    EVP_PKEY* requirePublicKey() const;

    /// True if both are the same object on a token, whatever else is known about it.
    bool isSameObject(const Key& other) const;
    /// True if the type, or label and id, distinguish them. Does not call the token.
    bool isNamedApart(const Key& other) const;

    /// A key that gives sizes and group, without a call to the token. Null if nothing is known.
    EVP_PKEY* shape() const;

    /// Length of an RSA modulus in bytes; 0 for other keys.
    std::size_t modulusSize() const;

    /// The URI of a key on a token.
    void setPublicKey(ossl::Pkey key);
    /// Fill and change a key in memory, in the same way as SoftwareKey.
    int import(int selection, const OSSL_PARAM* params);
    bool importFrom(EVP_PKEY* key, int selection);
    int setSoftwareParams(const OSSL_PARAM* params);
    /// If the token does not give the public half, tests whether `candidate` is it, and keeps it
    /// then. The private key proves it by a signature or, if it may not sign, by a key agreement or
    /// a decapsulation. Throws pkcs11::Error.
    bool adoptPublicKey(EVP_PKEY* candidate) const;
    void setAmbiguity(std::shared_ptr<Ambiguity> ambiguity) { ambiguity_ = std::move(ambiguity); }
    /// Null if this is the only private key of its search.
    const std::shared_ptr<Ambiguity>& ambiguity() const { return ambiguity_; }
    /// Throws pkcs11::Error if the search that made this key also found others.
    void requireUnambiguous() const;
    /// The same for writing the key to a file. A caller that makes a list does this before it asks
    /// for the next key.
    void requireListedOrUnambiguous() const;

    /// True for a key on a token that can sign with PSS alone, whether it is RSA or RSA-PSS.
    bool signsPssAlone() const;

    /// What the token has refused to do with the key. Thread-safe.
    Refusals& refusals() const { return refusals_; }

    /// Keeps the token's first signature of a hash, or of a message where the key signs messages.
    /// After a loss, it identifies a key that nothing else identifies. Long messages are not kept.
    void keepWitness(std::span<const unsigned char> hash,
                     std::span<const unsigned char> signature) const;

    /// The secret for the substitutes of badly padded messages; empty until it is set. The first
    /// one set stays, and is wiped with the key. The caller wipes `secret`.
    std::span<const unsigned char> rejectionSecret() const;
    std::span<const unsigned char> keepRejectionSecret(std::span<const unsigned char> secret) const;

  private:
    struct Witness;
    EVP_PKEY* softwareView() const;
    void forgetView() { setPublicKey(nullptr); }
    ossl::Pkey findPublicKey() const;
    enum class Fit { yes, no, unknown };
    /// A public key beside the private one.
    struct Companion {
        ossl::Pkey key;
        bool sameLabel;
        Fit fit = Fit::unknown;
    };
    ossl::Pkey companionKey(pkcs11::Session& session, CK_OBJECT_HANDLE handle, bool mayAsk) const;
    void addCompanions(pkcs11::Session& session, CK_OBJECT_CLASS type,
                       std::vector<Companion>& found) const;
    ossl::Pkey bestUnproved(std::vector<Companion>& found) const;
    Fit fitOf(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;
    EVP_PKEY* publishWitnessed(const Witness& witness, std::vector<Companion>& found) const;
    bool isStillItself(pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;
    bool proves(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const;
    bool verifies(EVP_PKEY* candidate, std::span<const unsigned char> hash,
                  std::span<const unsigned char> signature) const;
    bool belongs(EVP_PKEY* candidate) const;
    EVP_PKEY* publish(ossl::Pkey key) const;
    bool provesItself(EVP_PKEY* candidate) const;

    ossl::Context& context_;
    KeyType type_;
    std::shared_ptr<pkcs11::TokenObject> object_;
    std::string uri_;
    ossl::Pkey shape_;
    std::shared_ptr<Ambiguity> ambiguity_;
    std::unique_ptr<SoftwareKey> software_;
    /// Owned. For a key in memory it is a copy of the key, made at first use.
    mutable std::atomic<EVP_PKEY*> public_{nullptr};
    mutable std::atomic<bool> publicMissing_{false};
    mutable std::atomic<bool> foreignBeside_{false}; ///< a public key with its id is another's
    mutable std::atomic<const Witness*> witness_{nullptr}; ///< owned
    mutable Refusals refusals_;
    mutable pkcs11::Bytes rejectionSecret_ GUARDED_BY(pkcs11::process::stateMutex());
};

} // namespace keymgmt
