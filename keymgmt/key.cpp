// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/key.h"

#include "keymgmt/rsa_type.h"
#include "ossl/core.h"

namespace p11::keymgmt {

Key::Key(ossl::ProviderContext& context, KeyType type, std::unique_ptr<SoftwareKey> software)
    : context_(context), type_(type), software_(std::move(software)) {}

Key::Key(ossl::ProviderContext& context, KeyType type)
    : Key(context, type, std::make_unique<SoftwareKey>(context, type)) {}

Key::Key(ossl::ProviderContext& context, KeyType type,
         const std::shared_ptr<pkcs11::TokenObject>& object, std::string uri)
    : context_(context), type_(type),
      token_(std::make_shared<TokenKey>(context, type, object, std::move(uri))) {}

Key::Key(const Key& first, std::shared_ptr<Replicas> replicas, std::string uri)
    : context_(first.context_), type_(first.type_), token_(first.token_),
      replicas_(std::move(replicas)), uri_(std::move(uri)) {}

// In a forked child the threads that worked in the parent do not exist.
std::size_t Key::underWay() const {
    return underWayIn_ == pkcs11::process::forkCount() ? underWay_.load() : 0;
}

void Key::requireAnswers() const {
    pkcs11::Session session = token_->object().token().sessionPool()->take();
    session.isLoggedIn();
}

void Key::begin() {
    const auto now = pkcs11::process::forkCount();
    if (underWayIn_.exchange(now) != now)
        underWay_ = 0;
    ++underWay_;
}

EVP_PKEY* Key::publicKey() const {
    if (token_)
        return token_->publicKey();
    return software_->has(OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 1 ? software_->publicCopy() : nullptr;
}

EVP_PKEY* Key::requirePublicKey() const {
    if (token_)
        return token_->requirePublicKey();
    if (auto* key = publicKey())
        return key;
    throw ossl::UsageError(ossl::Reason::key, "the key has no public part");
}

bool Key::isPublicHalf(EVP_PKEY* candidate) const {
    if (isPrivate())
        return token_->half().isEqualTo(candidate);
    auto* own = publicKey();
    return own != nullptr && EVP_PKEY_eq(own, candidate) == 1;
}

EVP_PKEY* Key::partialKey() const {
    return token_ ? token_->partialKey() : software_->publicCopy();
}

std::size_t Key::modulusSize() const {
    auto* key = isRsa(type_) ? partialKey() : nullptr;
    if (isRsa(type_) && key == nullptr) // the private key does not tell it
        key = publicKey();
    return key != nullptr ? static_cast<std::size_t>(EVP_PKEY_get_size(key)) : 0;
}

pkcs11::TokenObject& Key::privateObject() const {
    if (!isPrivate())
        throw ossl::UsageError(ossl::Reason::key,
                               "a private key is needed, and this is a public one");
    requireUnambiguous();
    return token_->object();
}

bool Key::signsPssAlone() const {
    return keymgmt::signsPssAlone(type_, token_->object().attributes());
}

bool Key::isSameObject(const Key& other) const {
    return token_ && other.token_ && token_->object().isSameAs(other.token_->object());
}

bool Key::isNamedApart(const Key& other) const {
    if (type_ != other.type_)
        return true;
    if (!token_ || !other.token_)
        return false;
    const auto& mine = token_->object();
    const auto& theirs = other.token_->object();
    return mine.label() != theirs.label() && mine.id() != theirs.id();
}

void Key::requireUnambiguous() const {
    if (ambiguity_ && !ambiguity_->isListed())
        throw pkcs11::Error(pkcs11::Failure::ambiguous, ambiguity_->message());
}

void Key::requireListedOrUnambiguous() const {
    if (ambiguity_ && ambiguity_->isTaken())
        requireUnambiguous();
}

} // namespace p11::keymgmt
