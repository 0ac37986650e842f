// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/key.h"

#include <algorithm>
#include <array>

#include "keymgmt/key_family.h"
#include "ossl/dispatch.h"
#include "pkcs11/process.h"
#include "pkcs11/trace.h"
#include "tokens/finding.h"

namespace keymgmt {
namespace {

constexpr std::array companionAttributes{CKA_CLASS,     CKA_KEY_TYPE, CKA_LABEL,
                                         CKA_ID,        CKA_MODULUS,  CKA_PUBLIC_EXPONENT,
                                         CKA_EC_PARAMS, CKA_EC_POINT, CKA_VALUE};

} // namespace

/// A hash, and the token's signature of it.
struct Key::Witness {
    pkcs11::Bytes hash;
    pkcs11::Bytes signature;
};

Key::Key(ossl::Context& context, KeyType type, std::unique_ptr<SoftwareKey> software)
    : context_(context), type_(type), software_(std::move(software)) {}

Key::Key(ossl::Context& context, KeyType type)
    : Key(context, type, std::make_unique<SoftwareKey>(context, type)) {}

Key::Key(ossl::Context& context, KeyType type, std::shared_ptr<pkcs11::TokenObject> object,
         std::string uri)
    : context_(context), type_(type), object_(std::move(object)), uri_(std::move(uri)) {
    if (auto key = publicKeyOf(context_, type_, object_->attributes()))
        public_ = key.release();
    else
        shape_ = partialKeyOf(context_, type_, object_->attributes());
    if (!isPrivate() && public_ == nullptr)
        throw pkcs11::Error(pkcs11::Failure::key,
                            "the attributes of " + object_->describe() + " give no public key");
    if (isPrivate() && !isKnownByModulus())
        object_->setCheck([this](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
            return isStillItself(session, handle);
        });
}

Key::~Key() {
    EVP_PKEY_free(public_);
    delete witness_.load();
    OPENSSL_cleanse(rejectionSecret_.data(), rejectionSecret_.size());
}

bool Key::isKnownByModulus() const {
    return familyOf(type_).isKnownByPartialKey && shape_ != nullptr;
}

pkcs11::TokenObject& Key::privateObject() const {
    if (!isPrivate())
        throw ossl::UsageError(ossl::Reason::key,
                               "a private key is needed, and this is a public one");
    requireUnambiguous();
    return *object_;
}

// For comparisons and agreements with keys on tokens.
EVP_PKEY* Key::softwareView() const {
    if (auto* key = public_.load())
        return key;
    const ossl::ErrorMark mark;
    auto made = software_->toPkey(context_, type_);
    return made ? publish(std::move(made)) : nullptr;
}

EVP_PKEY* Key::publicKey() const {
    if (software_)
        return software_->has(OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 1 ? softwareView() : nullptr;
    if (auto* key = public_.load(); key != nullptr || publicMissing_ || !isPrivate())
        return key;
    auto found = findPublicKey();
    if (!found) {
        publicMissing_ = true;
        return nullptr;
    }
    return publish(std::move(found));
}

// The first of two threads wins: what was given out once stays.
EVP_PKEY* Key::publish(ossl::Pkey key) const {
    EVP_PKEY* present = nullptr;
    return public_.compare_exchange_strong(present, key.get()) ? key.release() : present;
}

bool Key::adoptPublicKey(EVP_PKEY* candidate) const {
    if (!isPrivate() || publicKey() != nullptr || !belongs(candidate) || !provesItself(candidate))
        return false;
    publish(ossl::share(candidate));
    return true;
}

// The modulus of RSA keys is what belongs() has compared; others must sign or agree on something.
bool Key::provesItself(EVP_PKEY* candidate) const {
    if (isKnownByModulus())
        return true;
    return object_->run([&](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
        return proves(candidate, session, handle);
    });
}

bool Key::signsPssAlone() const {
    const auto cannotProve = familyOf(type_).cannotProve;
    return cannotProve != nullptr && cannotProve(type_, object_->attributes());
}

bool Key::proves(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    return familyOf(type_).proves({context_, type_, *object_, refusals_, session, handle},
                                  candidate);
}

// Of a hash, or for Edwards and ML-DSA keys of a message.
bool Key::verifies(EVP_PKEY* candidate, std::span<const unsigned char> hash,
                   std::span<const unsigned char> signature) const {
    const auto verify = familyOf(type_).verifies;
    return verify != nullptr && verify(context_, candidate, hash, signature);
}

void Key::keepWitness(std::span<const unsigned char> hash,
                      std::span<const unsigned char> signature) const {
    constexpr std::size_t longest = 65536; // bytes
    if (public_.load() != nullptr || witness_.load() != nullptr || hash.size() > longest)
        return;
    auto witness = std::make_unique<const Witness>(
        Witness{{hash.begin(), hash.end()}, {signature.begin(), signature.end()}});
    const Witness* none = nullptr;
    if (witness_.compare_exchange_strong(none, witness.get()))
        (void)witness.release();
}

// Label, id and parameters may be those of the key that has taken its place. It is the same key if
// what it signs is verified by the public key of the one before: the one that is known, or the one
// beside it on the token that verifies what was signed before the loss.
bool Key::isStillItself(pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    if (object_->attributes().flag(CKA_ALWAYS_AUTHENTICATE, false))
        return true; // nobody is asked for a PIN for this
    auto* known = public_.load();
    const auto* witness = witness_.load();
    if (known == nullptr && witness != nullptr) {
        std::vector<Companion> beside;
        for (const CK_OBJECT_CLASS type : {CKO_PUBLIC_KEY, CKO_CERTIFICATE})
            addCompanions(session, type, beside);
        if (beside.empty())
            return true; // nothing there tells more
        known = publishWitnessed(*witness, beside);
        if (known == nullptr) // all are other keys': so is this one, if it is one of theirs
            return std::none_of(beside.begin(), beside.end(), [&](const Companion& other) {
                return proves(other.key.get(), session, handle);
            });
    }
    return known == nullptr || stillProves(known, session, handle);
}

// An RSA key that tells no modulus may be there to decrypt alone, or sign with PSS alone: nothing
// more can be asked of it then.
bool Key::stillProves(EVP_PKEY* known, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    if (signsPssAlone())
        return true;
    try {
        return proves(known, session, handle);
    } catch (const pkcs11::Error& error) {
        const auto saysCannotProve = familyOf(type_).saysCannotProve;
        if (saysCannotProve == nullptr || !saysCannotProve(refusals_, error))
            throw;
    }
    return true;
}

// The one that verifies what the key has signed.
EVP_PKEY* Key::publishWitnessed(const Witness& witness, std::vector<Companion>& found) const {
    const ossl::ErrorMark mark;
    for (auto& candidate : found)
        if (verifies(candidate.key.get(), witness.hash, witness.signature))
            return publish(std::move(candidate.key));
    return nullptr;
}

EVP_PKEY* Key::requirePublicKey() const {
    if (auto* key = publicKey())
        return key;
    if (!object_)
        throw ossl::UsageError(ossl::Reason::key, "the key has no public part");
    throw ossl::UsageError(
        ossl::Reason::key,
        "the token gives no public part for the " + object_->describe() +
            (foreignBeside_ ? "; the object with the same id belongs to another key" : ""));
}

bool Key::isSameObject(const Key& other) const {
    return object_ && other.object_ && object_->isSameAs(*other.object_);
}

bool Key::isNamedApart(const Key& other) const {
    if (type_ != other.type_)
        return true;
    return object_ && other.object_ && object_->label() != other.object_->label() &&
           object_->id() != other.object_->id();
}

EVP_PKEY* Key::shape() const {
    if (software_)
        return softwareView();
    auto* key = public_.load();
    return key != nullptr ? key : shape_.get();
}

std::size_t Key::modulusSize() const {
    auto* key = isRsa(type_) ? shape() : nullptr;
    if (isRsa(type_) && key == nullptr) // the private key does not tell it
        key = publicKey();
    return key != nullptr ? static_cast<std::size_t>(EVP_PKEY_get_size(key)) : 0;
}

int Key::import(int selection, const OSSL_PARAM* params) {
    forgetView();
    return software_->import(selection, params);
}

bool Key::importFrom(EVP_PKEY* key, int selection) {
    forgetView();
    return software_->importFrom(key, selection);
}

int Key::setSoftwareParams(const OSSL_PARAM* params) {
    forgetView();
    return software_->setParams(params);
}

void Key::setPublicKey(ossl::Pkey key) {
    EVP_PKEY_free(public_.exchange(key.release()));
}

void Key::requireUnambiguous() const {
    if (ambiguity_ && !ambiguity_->isListed())
        throw pkcs11::Error(pkcs11::Failure::ambiguous, ambiguity_->message());
}

void Key::requireListedOrUnambiguous() const {
    if (ambiguity_ && ambiguity_->isTaken())
        requireUnambiguous();
}

ossl::Pkey Key::findPublicKey() const {
    const auto find = [this](bool mayAsk) {
        return object_->run([this, mayAsk](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
            return companionKey(session, handle, mayAsk);
        });
    };
    try {
        return find(true);
    } catch (const pkcs11::Error& error) {
        // Some tokens say this of what a key can't do.
        if (!pkcs11::isOfLogin(error.failure()) &&
            pkcs11::remedyFor(error) != pkcs11::Remedy::session)
            throw;
    }
    return find(false);
}

// The public key in an object beside the private one. Ids are not always kept unique, and after a
// renewal the old certificate may still be there: the private key has to prove what is given out.
ossl::Pkey Key::companionKey(pkcs11::Session& session, CK_OBJECT_HANDLE handle, bool mayAsk) const {
    std::vector<Companion> found;
    for (const CK_OBJECT_CLASS type : {CKO_PUBLIC_KEY, CKO_CERTIFICATE}) {
        const std::size_t judged = found.size();
        addCompanions(session, type, found);
        for (auto i = judged; mayAsk && i < found.size(); ++i) {
            found[i].fit = fitOf(found[i].key.get(), session, handle);
            if (found[i].fit == Fit::yes)
                return std::move(found[i].key);
        }
    }
    return bestUnproved(found);
}

// Where the key can't be asked, its label tells.
ossl::Pkey Key::bestUnproved(std::vector<Companion>& found) const {
    const auto foreign =
        std::erase_if(found, [](const Companion& one) { return one.fit == Fit::no; });
    if (foreign != 0) {
        foreignBeside_ = true;
        pkcs11::trace::step("the object with the id of the " + object_->describe() +
                            " belongs to another key");
    }
    if (found.size() == 1)
        return std::move(found.front().key);
    const auto named = std::find_if(found.begin(), found.end(),
                                    [](const Companion& one) { return one.sameLabel; });
    return named != found.end() ? std::move(named->key) : nullptr;
}

// The public keys in objects of class `type` that go with the private key, each once: same CKA_ID,
// or same label where there is no id.
void Key::addCompanions(pkcs11::Session& session, CK_OBJECT_CLASS type,
                        std::vector<Companion>& found) const {
    const auto id = object_->id();
    const auto label = object_->label();
    if (id.empty() && label.empty())
        return;
    const auto query = tokens::byIdOrLabel(type, id, object_->rawLabel());
    for (const CK_OBJECT_HANDLE handle : pkcs11::findObjects(session, query)) {
        const auto attributes = pkcs11::readAttributes(session, handle, companionAttributes);
        if (!pkcs11::fits(query, attributes))
            continue;
        auto key = type == CKO_CERTIFICATE
                       ? publicKeyOfCertificate(context_, attributes.bytes(CKA_VALUE))
                       : publicKeyOf(context_, type_, attributes);
        if (!key || !belongs(key.get()))
            continue;
        const bool sameLabel = attributes.text(CKA_LABEL) == label;
        const auto before = std::find_if(found.begin(), found.end(), [&key](const auto& other) {
            return EVP_PKEY_eq(other.key.get(), key.get()) == 1;
        });
        if (before == found.end())
            found.push_back({std::move(key), sameLabel});
        else
            before->sameLabel = before->sameLabel || sameLabel;
    }
}

// addCompanions() has compared the modulus of an RSA key, which nearly always tells it. No other is
// asked where somebody would have to enter a PIN for it.
Key::Fit Key::fitOf(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    if (isKnownByModulus())
        return Fit::yes;
    if (signsPssAlone())
        return Fit::unknown;
    if (object_->attributes().flag(CKA_ALWAYS_AUTHENTICATE, false))
        return Fit::unknown;
    try {
        return proves(candidate, session, handle) ? Fit::yes : Fit::no;
    } catch (const pkcs11::Error& error) {
        // A key that is seen without a login can't be asked without one: nothing is lost then.
        if (!session.lacksFirstLogin(error.rv()) &&
            pkcs11::remedyFor(error) != pkcs11::Remedy::none)
            throw;
        return Fit::unknown;
    }
}

// Ids are not always kept unique: what is known of the private key must agree.
bool Key::belongs(EVP_PKEY* candidate) const {
    const auto* algorithm = rowOf(type_).algorithmsOf; // certificates may have it
    const bool isOfType = EVP_PKEY_is_a(candidate, nameOf(type_)) == 1 ||
                          (algorithm != nullptr && EVP_PKEY_is_a(candidate, algorithm) == 1);
    if (!isOfType || !shape_)
        return isOfType;
    const ossl::ErrorMark mark;
    return familyOf(type_).agrees(candidate, shape_.get());
}

std::span<const unsigned char> Key::rejectionSecret() const {
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    return rejectionSecret_;
}

std::span<const unsigned char>
Key::keepRejectionSecret(std::span<const unsigned char> secret) const {
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    if (rejectionSecret_.empty())
        rejectionSecret_.assign(secret.begin(), secret.end());
    return rejectionSecret_;
}

} // namespace keymgmt
