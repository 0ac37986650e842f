#include "keymgmt/key.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>

#include "ossl/dispatch.h"
#include "pkcs11/process.h"

namespace keymgmt {
namespace {

constexpr std::array companionAttributes{CKA_CLASS,     CKA_KEY_TYPE, CKA_MODULUS, CKA_PUBLIC_EXPONENT,
                                         CKA_EC_PARAMS, CKA_EC_POINT, CKA_VALUE};

} // namespace

Key::Key(ossl::Context& context, KeyType type) : context_(context), type_(type) {}

Key::Key(ossl::Context& context, KeyType type, std::shared_ptr<pkcs11::TokenObject> object, std::string uri)
    : context_(context), type_(type), object_(std::move(object)), uri_(std::move(uri)) {
    if (auto key = publicKeyOf(context_, type_, object_->attributes()))
        public_ = key.release();
    else
        shape_ = shapeOf(context_, type_, object_->attributes());
    if (!isPrivate() && public_ == nullptr)
        throw pkcs11::Error(pkcs11::Failure::key, "the attributes of " + object_->describe() + " give no public key");
}

Key::~Key() {
    EVP_PKEY_free(public_);
    OPENSSL_cleanse(rejectionSecret_.data(), rejectionSecret_.size());
}

pkcs11::TokenObject& Key::privateObject() const {
    if (!isPrivate())
        throw ossl::UsageError(ossl::Reason::key, "a private key is needed, and this is a public one");
    requireUnambiguous();
    return *object_;
}

EVP_PKEY* Key::publicKey() const {
    if (auto* key = public_.load(); key != nullptr || publicMissing_ || !isPrivate())
        return key;
    auto found = findPublicKey();
    if (!found) {
        publicMissing_ = true;
        return nullptr;
    }
    EVP_PKEY* none = nullptr;
    if (public_.compare_exchange_strong(none, found.get()))
        return found.release();
    return none; // another thread was first
}

EVP_PKEY* Key::requirePublicKey() const {
    if (auto* key = publicKey())
        return key;
    throw ossl::UsageError(ossl::Reason::key, object_ ? "the token gives no public part for the " + object_->describe()
                                                      : "the key has no public part");
}

EVP_PKEY* Key::shape() const {
    auto* key = public_.load();
    return key != nullptr ? key : shape_.get();
}

std::size_t Key::modulusSize() const {
    auto* key = isRsa(type_) ? shape() : nullptr;
    return key != nullptr ? static_cast<std::size_t>(EVP_PKEY_get_size(key)) : 0;
}

void Key::setPublicKey(ossl::Pkey key) { EVP_PKEY_free(public_.exchange(key.release())); }

void Key::requireUnambiguous() const {
    if (ambiguity_ && ambiguity_->active)
        throw pkcs11::Error(pkcs11::Failure::ambiguous, ambiguity_->message);
}

ossl::Pkey Key::findPublicKey() const {
    for (const CK_OBJECT_CLASS type : {CK_OBJECT_CLASS{CKO_PUBLIC_KEY}, CK_OBJECT_CLASS{CKO_CERTIFICATE}})
        if (auto key = companionKey(type))
            return key;
    return nullptr;
}

// The object of class `type` that goes with the private key: same CKA_ID, or same label where there is no id.
ossl::Pkey Key::companionKey(CK_OBJECT_CLASS type) const {
    const auto id = object_->id();
    const auto label = object_->label();
    if (id.empty() && label.empty())
        return nullptr;
    pkcs11::ObjectQuery query{type, std::nullopt, std::nullopt};
    if (id.empty())
        query.label = label;
    else
        query.id = id;
    return object_->run([&](pkcs11::Session& session, CK_OBJECT_HANDLE) -> ossl::Pkey {
        for (const CK_OBJECT_HANDLE handle : pkcs11::findObjects(session, query)) {
            const auto attributes = pkcs11::readAttributes(session, handle, companionAttributes);
            auto key = type == CKO_CERTIFICATE ? publicKeyOfCertificate(context_, attributes.bytes(CKA_VALUE))
                                               : publicKeyOf(context_, type_, attributes);
            if (key && belongs(key.get()))
                return key;
        }
        return nullptr;
    });
}

// Ids are not always kept unique: what is known of the private key must agree.
bool Key::belongs(EVP_PKEY* candidate) const {
    const bool sameKind = EVP_PKEY_is_a(candidate, nameOf(type_)) == 1 ||
                          (isRsa(type_) && EVP_PKEY_is_a(candidate, "RSA") == 1);
    if (!sameKind || !shape_)
        return sameKind;
    const ossl::ErrorMark mark;
    if (type_ == KeyType::ec)
        return EVP_PKEY_parameters_eq(candidate, shape_.get()) == 1;
    BIGNUM* mine = nullptr;
    BIGNUM* theirs = nullptr;
    EVP_PKEY_get_bn_param(shape_.get(), OSSL_PKEY_PARAM_RSA_N, &mine);
    EVP_PKEY_get_bn_param(candidate, OSSL_PKEY_PARAM_RSA_N, &theirs);
    const ossl::Bignum a(mine);
    const ossl::Bignum b(theirs);
    return a && b && BN_cmp(a.get(), b.get()) == 0;
}

bool Key::wasRefused(std::uint64_t fingerprint) const {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return std::find(refused_.begin(), refused_.end(), fingerprint) != refused_.end();
}

void Key::noteRefused(std::uint64_t fingerprint) const {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    refused_.push_back(fingerprint);
}

std::span<const unsigned char> Key::rejectionSecret() const {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return rejectionSecret_;
}

std::span<const unsigned char> Key::keepRejectionSecret(pkcs11::Bytes secret) const {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    if (rejectionSecret_.empty())
        rejectionSecret_.swap(secret);
    OPENSSL_cleanse(secret.data(), secret.size());
    return rejectionSecret_;
}

} // namespace keymgmt
