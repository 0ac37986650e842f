// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/key.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include "keymgmt/agreement.h"
#include "keymgmt/parameter_set.h"
#include "keymgmt/rsa_type.h"
#include "ossl/dispatch.h"
#include "ossl/ecdsa_der.h"
#include "ossl/secret.h"
#include "pkcs11/derivation.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "pkcs11/process.h"
#include "pkcs11/trace.h"
#include "tokens/finding.h"

namespace keymgmt {
namespace {

constexpr std::array companionAttributes{CKA_CLASS,     CKA_KEY_TYPE, CKA_LABEL,
                                         CKA_ID,        CKA_MODULUS,  CKA_PUBLIC_EXPONENT,
                                         CKA_EC_PARAMS, CKA_EC_POINT, CKA_VALUE};

CK_MECHANISM_TYPE signingMechanism(KeyType type) {
    if (type == KeyType::ec)
        return CKM_ECDSA;
    if (isRsa(type))
        return CKM_RSA_PKCS;
    return isMlDsa(type) ? CKM_ML_DSA : CKM_EDDSA;
}

// The longest there is: that of ML-DSA-87.
constexpr std::size_t longestSignature = parameterSetOf(KeyType::mlDsa87)->size;

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
        shape_ = shapeOf(context_, type_, object_->attributes());
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
    return isRsa(type_) && shape_ != nullptr;
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
    return type_ == KeyType::rsaPss ||
           (type_ == KeyType::rsa && keymgmt::signsPssAlone(object_->attributes()));
}

bool Key::mayNotSign(const pkcs11::Error& error) const {
    return error.rv() == CKR_KEY_FUNCTION_NOT_PERMITTED ||
           refusals_.areToldBy(error, {Use::sign, signingMechanism(type_)});
}

// Keys that are there to be agreed with often may not sign, or can't.
bool Key::proves(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    if (isMontgomery(type_))
        return agreesFor(candidate, session, handle);
    if (isMlKem(type_))
        return decapsulatesFor(candidate, session, handle);
    try {
        return signsFor(candidate, session, handle);
    } catch (const pkcs11::Error& error) {
        if (type_ != KeyType::ec || !mayNotSign(error))
            throw;
    }
    return agreesFor(candidate, session, handle);
}

// With a pair made for this: both sides come to the same secret.
bool Key::agreesFor(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    const ossl::ErrorMark mark;
    const ossl::PkeyCtx generator(
        EVP_PKEY_CTX_new_from_pkey(context_.libctx(), candidate, ossl::Context::propq()));
    EVP_PKEY* made = nullptr;
    if (!generator || EVP_PKEY_keygen_init(generator.get()) != 1 ||
        EVP_PKEY_generate(generator.get(), &made) != 1)
        return false;
    const ossl::Pkey pair(made);
    const auto point = peerValue(type_, made);
    ossl::SecretBytes expected(secretSize(type_, point.size()));
    std::size_t size = expected.size();
    const ossl::PkeyCtx software(
        EVP_PKEY_CTX_new_from_pkey(context_.libctx(), made, ossl::Context::propq()));
    if (!software || EVP_PKEY_derive_init(software.get()) != 1 ||
        EVP_PKEY_derive_set_peer(software.get(), candidate) != 1 ||
        EVP_PKEY_derive(software.get(), expected.data(), &size) != 1)
        return false;
    ossl::SecretBytes secret(expected.size());
    agreeIn(session, handle, *object_, refusals_, point, secret.all());
    return CRYPTO_memcmp(secret.data(), expected.data(), expected.size()) == 0;
}

bool Key::decapsulatesFor(EVP_PKEY* candidate, pkcs11::Session& session,
                          CK_OBJECT_HANDLE handle) const {
    const ossl::ErrorMark mark;
    const ossl::PkeyCtx software(
        EVP_PKEY_CTX_new_from_pkey(context_.libctx(), candidate, ossl::Context::propq()));
    pkcs11::Bytes ciphertext(parameterSetOf(type_)->size);
    ossl::SecretBytes expected(mlKemSecretSize);
    std::size_t size = ciphertext.size();
    std::size_t secretSize = expected.size();
    if (!software || EVP_PKEY_encapsulate_init(software.get(), nullptr) != 1 ||
        EVP_PKEY_encapsulate(software.get(), ciphertext.data(), &size, expected.data(),
                             &secretSize) != 1)
        return false;
    ossl::SecretBytes secret(expected.size());
    pkcs11::decapsulateIn(session, handle, *object_, ciphertext, secret.all());
    return CRYPTO_memcmp(secret.data(), expected.data(), expected.size()) == 0;
}

bool Key::signsFor(EVP_PKEY* candidate, pkcs11::Session& session, CK_OBJECT_HANDLE handle) const {
    const ossl::ErrorMark mark;
    std::array<unsigned char, 32> challenge{};
    std::array<unsigned char, longestSignature> signature{};
    if (RAND_bytes_ex(context_.libctx(), challenge.data(), challenge.size(), 0) != 1)
        return false;
    std::span<const unsigned char> data(challenge);
    if (type_ == KeyType::ec) // not every token cuts what is longer than the order
        data = data.first(std::min(
            data.size(), (static_cast<std::size_t>(EVP_PKEY_get_bits(candidate)) + 7) / 8));
    const auto ask = [&](const CK_MECHANISM& mechanism) {
        const auto size = pkcs11::signIn(session, handle, *object_, mechanism, data, signature);
        refusals_.noteTaken({Use::sign, mechanism.mechanism});
        return size;
    };
    std::array<unsigned char, 32> hash{};
    std::size_t size = 0;
    try {
        size = ask({signingMechanism(type_), nullptr, 0});
    } catch (const pkcs11::Error& error) { // as the operations, where the token is not a usual one
        if (type_ == KeyType::ec && error.rv() == CKR_MECHANISM_INVALID) {
            size = ask({CKM_ECDSA_SHA256, nullptr, 0});
            if (EVP_Q_digest(context_.libctx(), "SHA2-256", ossl::Context::propq(), data.data(),
                             data.size(), hash.data(), nullptr) != 1)
                return false;
            data = hash;
        } else if (signingMechanism(type_) == CKM_EDDSA &&
                   error.rv() == CKR_MECHANISM_PARAM_INVALID) {
            pkcs11::EddsaParams params;
            size = ask({CKM_EDDSA, &params, sizeof params});
        } else {
            throw;
        }
    }
    const auto raw = std::span<const unsigned char>(signature).first(size);
    if (type_ != KeyType::ec)
        return verifies(candidate, data, raw);
    const auto forms =
        ossl::ecdsaForms(raw, (static_cast<std::size_t>(EVP_PKEY_get_bits(candidate)) + 7) / 8);
    return std::any_of(forms.begin(), forms.end(),
                       [&](const auto& form) { return verifies(candidate, data, form); });
}

// Of a hash, or for Edwards and ML-DSA keys of a message.
bool Key::verifies(EVP_PKEY* candidate, std::span<const unsigned char> hash,
                   std::span<const unsigned char> signature) const {
    if (type_ != KeyType::ec && !isRsa(type_)) {
        const ossl::MdCtx verifier(EVP_MD_CTX_new());
        return EVP_DigestVerifyInit_ex(verifier.get(), nullptr, nullptr, context_.libctx(),
                                       ossl::Context::propq(), candidate, nullptr) == 1 &&
               EVP_DigestVerify(verifier.get(), signature.data(), signature.size(), hash.data(),
                                hash.size()) == 1;
    }
    const ossl::PkeyCtx verifier(
        EVP_PKEY_CTX_new_from_pkey(context_.libctx(), candidate, ossl::Context::propq()));
    return verifier && EVP_PKEY_verify_init(verifier.get()) == 1 &&
           EVP_PKEY_verify(verifier.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
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
        if (!isRsa(type_) || !mayNotSign(error))
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
    if (ambiguity_ && ambiguity_->active)
        throw pkcs11::Error(pkcs11::Failure::ambiguous, ambiguity_->message);
}

void Key::requireListedOrUnambiguous() const {
    if (ambiguity_ && !ambiguity_->storeIsOpen)
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
