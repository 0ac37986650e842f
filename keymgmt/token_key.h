// SPDX-License-Identifier: Apache-2.0
// A private or public key on a token.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "keymgmt/public_half.h"
#include "ossl/pace.h"
#include "pkcs11/bytes.h"
#include "pkcs11/process.h"

namespace p11::keymgmt {

/// The secret for the substitutes of badly padded messages. Wiped with its last key. Thread-safe.
class RejectionSecret {
  public:
    RejectionSecret() = default;
    ~RejectionSecret();
    RejectionSecret(const RejectionSecret&) = delete;
    RejectionSecret& operator=(const RejectionSecret&) = delete;

    /// Empty until it is kept.
    pkcs11::ByteView known() const;
    /// The first one stays.
    pkcs11::ByteView keep(pkcs11::ByteView secret);

  private:
    pkcs11::Bytes bytes_ GUARDED_BY(pkcs11::process::stateMutex());
};

/// Thread-safe after construction.
class TokenKey {
  public:
    /// `uri` is its complete URI without a PIN. Throws pkcs11::Error if its attributes make no
    /// sense.
    TokenKey(const ossl::ProviderContext& context, KeyType type,
             const std::shared_ptr<pkcs11::TokenObject>& object, std::string uri);
    ~TokenKey() = default;
    TokenKey(const TokenKey&) = delete;
    TokenKey& operator=(const TokenKey&) = delete;

    const std::string& uri() const { return uri_; }
    pkcs11::TokenObject& object() const { return *object_; }
    bool isPrivate() const { return object_->type() == CKO_PRIVATE_KEY; }

    /// As the functions of Key with these names.
    EVP_PKEY* publicKey() { return isPrivate() ? half_.find() : half_.known(); }
    EVP_PKEY* requirePublicKey();
    EVP_PKEY* partialKey() const;
    PublicHalf& half() { return half_; }
    Refusals& refusals() { return refusals_; }
    ossl::Pace& signingPace() { return signingPace_; }
    pkcs11::ByteView rejectionSecret() const { return rejection_->known(); }
    pkcs11::ByteView keepRejectionSecret(pkcs11::ByteView secret) {
        return rejection_->keep(secret);
    }
    void shareRejectionSecret(const TokenKey& other) { rejection_ = other.rejection_; }
    void proveAgain();

  private:
    TokenKey(const ossl::ProviderContext& context, KeyType type,
             std::shared_ptr<pkcs11::TokenObject> object, std::string uri, ossl::Pkey own);

    std::shared_ptr<pkcs11::TokenObject> object_;
    std::string uri_;
    ossl::Pkey partial_; ///< null if its own attributes have the public value
    Refusals refusals_;
    ossl::Pace signingPace_;
    KeyProof proof_;
    PublicHalf half_;
    std::shared_ptr<RejectionSecret> rejection_ = std::make_shared<RejectionSecret>();
};

} // namespace p11::keymgmt
