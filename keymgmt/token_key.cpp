// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/token_key.h"

#include <openssl/crypto.h>

#include "keymgmt/key_family.h"
#include "pkcs11/process.h"

namespace p11::keymgmt {

TokenKey::TokenKey(const ossl::ProviderContext& context, KeyType type,
                   const std::shared_ptr<pkcs11::TokenObject>& object, std::string uri)
    : TokenKey(context, type, object, std::move(uri),
               publicKeyOf(context, type, object->attributes())) {}

TokenKey::TokenKey(const ossl::ProviderContext& context, KeyType type,
                   std::shared_ptr<pkcs11::TokenObject> object, std::string uri, ossl::Pkey own)
    : object_(std::move(object)), uri_(std::move(uri)),
      partial_(own ? nullptr : partialKeyOf(context, type, object_->attributes())),
      proof_(context, type, *object_, partial_.get(), refusals_), half_(proof_) {
    half_.set(std::move(own));
    if (!isPrivate() && half_.known() == nullptr)
        throw pkcs11::Error(pkcs11::Failure::key,
                            "the attributes of " + object_->describe() + " give no public key");
    if (isPrivate() && !proof_.isSelfEvident())
        object_->setCheck([this](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
            return half_.isStillThere(session, handle);
        });
}

TokenKey::~TokenKey() {
    OPENSSL_cleanse(rejectionSecret_.data(), rejectionSecret_.size());
}

EVP_PKEY* TokenKey::requirePublicKey() {
    if (auto* key = publicKey())
        return key;
    throw ossl::UsageError(ossl::Reason::key,
                           "the token gives no public part for the " + object_->describe() +
                               (half_.isForeignBeside()
                                    ? "; the object with the same id belongs to another key"
                                    : ""));
}

EVP_PKEY* TokenKey::partialKey() const {
    return half_.known() != nullptr ? half_.known() : partial_.get();
}

pkcs11::ByteView TokenKey::rejectionSecret() const {
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    return rejectionSecret_;
}

pkcs11::ByteView TokenKey::keepRejectionSecret(pkcs11::ByteView secret) {
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    if (rejectionSecret_.empty())
        rejectionSecret_.assign(secret.begin(), secret.end());
    return rejectionSecret_;
}

} // namespace p11::keymgmt
