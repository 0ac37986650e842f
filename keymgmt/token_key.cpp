// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/token_key.h"

#include <openssl/crypto.h>

#include "keymgmt/key_family.h"
#include "pkcs11/process.h"

namespace p11::keymgmt {

RejectionSecret::~RejectionSecret() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

pkcs11::ByteView RejectionSecret::known() const {
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    return bytes_;
}

pkcs11::ByteView RejectionSecret::keep(pkcs11::ByteView secret) {
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    if (bytes_.empty())
        bytes_.assign(secret.begin(), secret.end());
    return bytes_;
}

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

// The question comes first: what follows may need no call.
void TokenKey::proveAgain() {
    const bool isProved = object_->run([this](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
        session.isLoggedIn();
        return half_.isStillThere(session, handle);
    });
    if (!isProved)
        throw pkcs11::Error(pkcs11::Failure::key,
                            "another key has replaced the " + object_->describe(),
                            CKR_KEY_HANDLE_INVALID);
}

} // namespace p11::keymgmt
