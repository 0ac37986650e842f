// SPDX-License-Identifier: Apache-2.0
#include "signature/signature_context.h"

#include <algorithm>

#include <openssl/core_names.h>

#include "keymgmt/replicas.h"
#include "ossl/dispatch.h"
#include "ossl/job.h"
#include "ossl/params.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "pkcs11/trace.h"

namespace p11::signature {
namespace {

constexpr const char* defaultDigest = "SHA2-256";

} // namespace

void SignatureContext::setKey(const std::shared_ptr<keymgmt::Key>& key, bool signing) {
    if (key) {
        key_ = key;
        keyGiven();
    }
    if (!key_)
        throw ossl::UsageError(ossl::Reason::key, "no key is set");
    if (signing)
        key_->privateObject(); // throws for public keys and ambiguous ones, before any data is read
    if (digest_)
        requireTaken(digest_.get());
    signing_ = signing;
    hashes_ = false;
    message_.forget();
    keyChanged();
}

void SignatureContext::begin(const std::shared_ptr<keymgmt::Key>& key, bool signing,
                             const OSSL_PARAM* params) {
    state_.begin([&] {
        recovers_ = false;
        setKey(key, signing);
        setParams(params);
    });
}

void SignatureContext::beginRecovery(const std::shared_ptr<keymgmt::Key>& key,
                                     const OSSL_PARAM* params) {
    state_.begin([&] {
        recovers_ = true;
        setKey(key, false);
        setParams(params);
    });
}

void SignatureContext::beginDigest(const std::shared_ptr<keymgmt::Key>& key, bool signing,
                                   const char* digest, const OSSL_PARAM* params) {
    state_.begin([&] {
        recovers_ = false;
        setKey(key, signing);
        if (digest != nullptr && *digest != '\0')
            setDigest(digest);
        else if (!digest_)
            setDigest(defaultDigest);
        setParams(params);
        hashes_ = true;
    });
}

void SignatureContext::setDigest(const std::string& name) {
    auto digest = provider_.digest(name.c_str());
    if (!digest)
        throw ossl::UsageError(ossl::Reason::parameter, "unknown digest \"" + name + "\"");
    if (hashes_ && (!digest_ || EVP_MD_is_a(digest.get(), EVP_MD_get0_name(digest_.get())) != 1))
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the digest cannot be changed while data is hashed");
    if (key_) // else it is asked when the key comes
        requireTaken(digest.get());
    digest_ = ossl::SharedMd(std::move(digest));
}

// Which these are depends on OpenSSL's version and the key's type, so OpenSSL is asked; but not for
// the digests that it takes in every signature.
void SignatureContext::requireTaken(const EVP_MD* digest) const {
    const auto* name = EVP_MD_get0_name(digest);
    if (pkcs11::hashMechanisms(name) != nullptr || key_->partialKey() == nullptr)
        return;
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(provider_.libctx(), key_->partialKey(),
                                                           ossl::ProviderContext::propq()));
    if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), digest) != 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string("the digest ") + name +
                                   " cannot be used in a signature with this key");
}

void SignatureContext::requireDigestSize(ByteView tbs) const {
    if (digest_ && tbs.size() != static_cast<std::size_t>(EVP_MD_get_size(digest_.get())))
        throw ossl::UsageError(ossl::Reason::data,
                               "the hash has " + std::to_string(tbs.size()) + " bytes, and " +
                                   EVP_MD_get0_name(digest_.get()) + " has " +
                                   std::to_string(EVP_MD_get_size(digest_.get())));
}

// Runs `work(context, data, out)` with this context or, for a job of OpenSSL, with a copy.
template <typename Work>
std::size_t SignatureContext::withToken(ByteView data, MutableBytes out, Work work) {
    return keymgmt::withReplica(key_, [&](const std::shared_ptr<keymgmt::Key>& replica) {
        return withReplica(replica, data, out, work);
    });
}

// The same with `replica` in the place of the key. A job does what is done at once itself.
template <typename Work>
std::size_t SignatureContext::withReplica(const std::shared_ptr<keymgmt::Key>& replica,
                                          ByteView data, MutableBytes out, Work work) {
    const keymgmt::ReplicaChoice choice(key_, replica);
    if (!ossl::insideJob()) {
        const keymgmt::ReplicaInPlace place(key_, choice);
        return work(*this, data, out);
    }
    const auto measured = [work, choice](SignatureContext& context, ByteView tbs,
                                         MutableBytes room) {
        const keymgmt::ReplicaInPlace place(context.key_, choice);
        const ossl::Pace::Measurement measurement(context.key_->signingPace());
        return work(context, tbs, room);
    };
    if (replica->signingPace().isQuick())
        return measured(*this, data, out);
    return ossl::runForJob(provider_, replica->privateObject().token(), out,
                           [copy = std::shared_ptr<SignatureContext>(clone()),
                            bytes = pkcs11::Bytes(data.begin(), data.end()),
                            measured](MutableBytes room) { return measured(*copy, bytes, room); });
}

// A job of OpenSSL does not wait for a token that has to be asked.
bool SignatureContext::needsWholeMessage(const std::shared_ptr<keymgmt::Key>& replica) {
    const auto tell = [](const SignatureContext& context, ByteView, MutableBytes) {
        return std::size_t{context.combinedMechanism().has_value()};
    };
    if (ossl::insideJob() && !replica->privateObject().token().knowsMechanisms())
        return withReplica(replica, {}, {}, tell) != 0;
    const keymgmt::ReplicaInPlace place(key_, {key_, replica});
    return tell(*this, {}, {}) != 0;
}

// One of several replicas that needs it is enough: the others can hash what was kept.
bool SignatureContext::signsWholeMessage() {
    if (!signing_)
        return false;
    if (!key_->replicas())
        return needsWholeMessage(key_);
    const auto replicas = key_->replicas()->wellOnes();
    return std::any_of(replicas.begin(), replicas.end(), [this](const auto& replica) {
        try {
            return needsWholeMessage(replica);
        } catch (const pkcs11::Error& error) { // which the signature finds out, too
            pkcs11::trace::step(error.what());
            return false;
        }
    });
}

// Nothing if the data is no hash of a known digest.
pkcs11::SignedHash SignatureContext::hashIn(ByteView tbs) const {
    const bool isHash =
        digest_ && tbs.size() == static_cast<std::size_t>(EVP_MD_get_size(digest_.get()));
    return isHash ? pkcs11::SignedHash{EVP_MD_get0_name(digest_.get()), tbs} : pkcs11::SignedHash{};
}

std::size_t SignatureContext::signWithToken(ByteView tbs, MutableBytes out) {
    return withToken(tbs, out, [](SignatureContext& context, ByteView data, MutableBytes room) {
        context.signedHash_ = context.hashIn(data);
        return context.sign(data, room);
    });
}

// The token hashes the message, and the audit log wants the hash as well.
std::size_t SignatureContext::signWholeMessage(MutableBytes out) {
    const auto message = message_.takeData();
    return withToken(message, out, [](SignatureContext& context, ByteView data, MutableBytes room) {
        const auto mechanism = context.combinedMechanism(); // nothing if a replica needs no more
        const bool isAudited = context.key_->privateObject().auditLog() != nullptr;
        const auto hash = !mechanism || isAudited ? context.hashOf(data) : pkcs11::Bytes{};
        context.signedHash_ = context.hashIn(hash);
        return mechanism ? context.signMessage(*mechanism, data, room) : context.sign(hash, room);
    });
}

// Not at begin: padding and salt are set between begin and the first data.
void SignatureContext::startMessage() {
    if (message_.started())
        return;
    if (!hashes_)
        throw ossl::UsageError(ossl::Reason::internal, "no digest operation was started");
    message_.start(signsWholeMessage() ? nullptr : digest_.get());
}

MutableBytes SignatureContext::roomIn(MutableBytes out) const {
    const std::size_t longest = maxSize();
    if (out.size() < longest)
        throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the signature");
    return out.first(longest);
}

std::size_t SignatureContext::signAtOnce(ByteView tbs, MutableBytes out) {
    if (!hashes_)
        return state_.once([&] { return signWithToken(tbs, roomIn(out)); });
    state_.requireNoData();
    update(tbs);
    return finishSign(out);
}

int SignatureContext::verifyAtOnce(ByteView signature, ByteView tbs) {
    if (!hashes_)
        return state_.once([&] { return verify(signature, tbs); });
    state_.requireNoData();
    update(tbs);
    return finishVerify(signature);
}

std::size_t SignatureContext::recoverAtOnce(ByteView signature, MutableBytes out) {
    return state_.once([&] { return recover(signature, out); });
}

void SignatureContext::update(ByteView data) {
    state_.update([&] {
        startMessage();
        message_.update(data);
    });
}

std::size_t SignatureContext::finishSign(MutableBytes out) {
    return state_.finish([&] {
        startMessage();
        const auto room = roomIn(out);
        if (message_.keepsData())
            return signWholeMessage(room);
        Message::Hash hash;
        return signWithToken(message_.takeHash(hash), room);
    });
}

int SignatureContext::finishVerify(ByteView signature) {
    return state_.finish([&] {
        if (signature.empty())
            throw ossl::UsageError(ossl::Reason::parameter, "there is no signature to verify");
        startMessage();
        Message::Hash hash;
        return verify(signature, message_.takeHash(hash));
    });
}

std::size_t SignatureContext::sizeAtFinish() const {
    state_.requireOpen();
    return maxSize();
}

std::size_t SignatureContext::signMessage(CK_MECHANISM_TYPE, ByteView, MutableBytes) {
    throw ossl::UsageError(ossl::Reason::unsupported, "the token cannot sign a hash with this key");
}

void SignatureContext::configure(EVP_PKEY_CTX* context) const {
    if (digest_ && EVP_PKEY_CTX_set_signature_md(context, digest_.get()) != 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "OpenSSL's own provider does not accept the digest");
}

std::size_t SignatureContext::callToken(const CK_MECHANISM& mechanism, ByteView data,
                                        MutableBytes out) const {
    return pkcs11::sign(key().privateObject(), mechanism, data, out, signedHash_);
}

std::size_t SignatureContext::signAndNote(const CK_MECHANISM& mechanism, ByteView data,
                                          MutableBytes out) const {
    const std::size_t size = callToken(mechanism, data, out);
    key().refusals().noteTaken({keymgmt::Use::sign, mechanism.mechanism});
    return size;
}

std::size_t SignatureContext::signOnToken(const CK_MECHANISM& mechanism, ByteView data,
                                          MutableBytes out) const {
    const std::size_t size = signAndNote(mechanism, data, out);
    requireSize(size, out.size());
    return size;
}

pkcs11::Bytes SignatureContext::hashOf(ByteView data) const {
    Message message;
    message.start(digest());
    message.update(data);
    Message::Hash room;
    const auto hash = message.takeHash(room);
    return {hash.begin(), hash.end()};
}

int SignatureContext::verifyInSoftware(ByteView signature, ByteView tbs) const {
    const auto context = publicContext(key());
    if (EVP_PKEY_verify_init(context.get()) != 1)
        return 0;
    configure(context.get());
    return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), tbs.data(),
                           tbs.size());
}

std::size_t SignatureContext::recover(ByteView, MutableBytes) {
    throw ossl::UsageError(ossl::Reason::unsupported,
                           "this algorithm cannot recover data from a signature");
}

void SignatureContext::setParams(const OSSL_PARAM* params) {
    if (const auto name = ossl::textOf(params, OSSL_SIGNATURE_PARAM_DIGEST))
        setDigest(*name);
}

void SignatureContext::getParams(OSSL_PARAM* params) const {
    if (digest_)
        ossl::answerText(params, OSSL_SIGNATURE_PARAM_DIGEST, EVP_MD_get0_name(digest_.get()));
    if (OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID) == nullptr)
        return;
    const auto der = algorithmId();
    if (der.empty())
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "there is no X.509 algorithm identifier for this signature");
    ossl::answerOctets(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der.data(), der.size());
}

void requireSize(std::size_t size, std::size_t expected) {
    if (size != expected)
        throw pkcs11::Error(pkcs11::Failure::call,
                            "the token returned a signature of " + std::to_string(size) +
                                " bytes, but those of this key have " + std::to_string(expected),
                            CKR_GENERAL_ERROR);
}

ossl::PkeyCtx publicContext(const keymgmt::Key& key) {
    ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(key.context().libctx(), key.requirePublicKey(),
                                                     ossl::ProviderContext::propq()));
    if (!context)
        throw ossl::UsageError(ossl::Reason::internal, "no provider accepts the public key");
    return context;
}

} // namespace p11::signature
