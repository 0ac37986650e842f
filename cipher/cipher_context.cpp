// SPDX-License-Identifier: Apache-2.0
#include "cipher/cipher_context.h"

#include <openssl/core_names.h>

#include "cipher/modes.h"
#include "ossl/params.h"

namespace p11::cipher {
namespace {

constexpr std::size_t longestIv = 128; // bytes; as OpenSSL's own GCM
constexpr std::size_t longestTag = 16;

void answerOctetsOrPointer(OSSL_PARAM* params, const char* key, ByteView value) {
    auto* found = OSSL_PARAM_locate(params, key);
    if (found == nullptr)
        return;
    if (OSSL_PARAM_set_octet_ptr(found, value.data(), value.size()) != 1 &&
        OSSL_PARAM_set_octet_string(found, value.data(), value.size()) != 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string("the buffer for \"") + key + "\" is too small");
}

// A request without a buffer asks for the size. A tag is cut to the size of the caller's buffer.
void answerTag(OSSL_PARAM* params, ByteView tag) {
    auto* found = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD_TAG);
    if (found == nullptr)
        return;
    if (tag.empty() || found->data_size == 0 || found->data_size > tag.size())
        throw ossl::UsageError(ossl::Reason::data, "no tag of that size is available yet");
    OSSL_PARAM_set_octet_string(found, tag.data(), found->data_size);
}

} // namespace

CipherContext::CipherContext(const CipherContext& other)
    : provider_(other.provider_), algorithm_(other.algorithm_),
      software_(other.software_ ? std::make_unique<Software>(*other.software_) : nullptr),
      key_(other.key_), operation_(other.operation_ ? other.operation_->clone() : nullptr),
      state_(other.state_), ivSize_(other.ivSize_), iv_(other.iv_), padding_(other.padding_) {}

Software& CipherContext::software() {
    if (!software_)
        software_ = std::make_unique<Software>(provider_, algorithm_.name);
    return *software_;
}

Operation& CipherContext::operation() {
    if (!operation_)
        throw ossl::UsageError(ossl::Reason::data, key_ ? "no IV is set" : "no key is set");
    return *operation_;
}

void CipherContext::begin(bool encrypts, const unsigned char* key, const unsigned char* iv,
                          std::size_t ivSize, const OSSL_PARAM* params) {
    if (key == nullptr && key_)
        return state_.begin([&] { beginOnToken(encrypts, iv, ivSize, params); });
    key_.reset();
    operation_.reset();
    software().init(encrypts, key, iv, ivSize, params);
}

void CipherContext::begin(bool encrypts, std::shared_ptr<skeymgmt::SecretKey> key,
                          const unsigned char* iv, std::size_t ivSize, const OSSL_PARAM* params) {
    const auto size = key ? key->size() : 0;
    if (size != 0 && size != algorithm_.keySize)
        throw ossl::UsageError(ossl::Reason::key,
                               std::string(algorithm_.name) + " takes a key of " +
                                   std::to_string(algorithm_.keySize) +
                                   " bytes, and this one has " + std::to_string(size));
    if (key && key->isOnToken() && key->type() != CKK_AES)
        throw ossl::UsageError(ossl::Reason::key,
                               "the " + key->object().describe() + " is not an AES key");
    if (key && key->isOnToken()) {
        software_.reset();
        key_ = std::move(key);
        if (!algorithm_.isWrap()) // there a missing IV is the standard's
            iv_.clear();
        return begin(encrypts, nullptr, iv, ivSize, params);
    }
    begin(encrypts, key ? key->bytes().data() : nullptr, iv, ivSize, params);
}

// Without a new IV the old one is used again, but not in GCM, where that would reveal the key.
void CipherContext::beginOnToken(bool encrypts, const unsigned char* iv, std::size_t ivSize,
                                 const OSSL_PARAM* params) {
    operation_.reset();
    setSizes(params);
    if (iv != nullptr && algorithm_.isAead() && ivSize > 0 && ivSize <= longestIv)
        ivSize_ = ivSize;
    if (iv != nullptr && ivSize != ivSize_)
        throw ossl::UsageError(ossl::Reason::parameter, "the IV has " + std::to_string(ivSize) +
                                                            " bytes instead of " +
                                                            std::to_string(ivSize_));
    if (iv != nullptr)
        iv_.assign(iv, iv + ivSize);
    else if (algorithm_.isAead())
        iv_.clear();
    if (iv_.size() != ivSize_ && !algorithm_.isWrap())
        return;
    operation_ = cipher::begin(algorithm_.mode, {key_, encrypts, iv_});
    operation_->setPadding(padding_);
    setTag(params);
}

// EVP passes a smaller room than RFC 5649 needs, and documents the real one (EVP_CipherUpdate(3)).
std::size_t CipherContext::wrapped(ByteView in, unsigned char* out) {
    auto& wrap = operation();
    if (in.empty())
        return 0;
    return wrap.update(in, {out, out != nullptr ? in.size() + 2 * algorithm_.blockSize() : 0});
}

std::size_t CipherContext::update(const unsigned char* in, std::size_t size, unsigned char* out,
                                  std::size_t room) {
    if (software_)
        return software_->update(in, size, out);
    if (algorithm_.isWrap()) // each piece is a key of its own
        return state_.once([&] { return wrapped({in, size}, out); });
    return state_.update([&] {
        if (out != nullptr)
            return operation().update({in, size}, {out, room});
        operation().authenticate({in, size});
        return size;
    });
}

std::size_t CipherContext::finish(unsigned char* out, std::size_t room) {
    if (software_)
        return software_->finish(out);
    if (algorithm_.isWrap())
        return state_.once([] { return std::size_t{0}; });
    return state_.finish([&] { return operation().finish({out, room}); });
}

std::size_t CipherContext::whole(const unsigned char* in, std::size_t size, unsigned char* out,
                                 std::size_t room) {
    if (software_)
        return software_->whole(in, size, out);
    if (operation_)
        operation_->setPadding(false);
    return in != nullptr ? update(in, size, out, room) : finish(out, room);
}

void CipherContext::setParams(const OSSL_PARAM* params) {
    if (params == nullptr)
        return;
    if (software_)
        return software_->set(params);
    setSizes(params);
    setTag(params);
}

void CipherContext::setSizes(const OSSL_PARAM* params) {
    const auto padding = ossl::unsignedOf(params, OSSL_CIPHER_PARAM_PADDING);
    if (padding && !algorithm_.isWrap()) {
        padding_ = *padding != 0;
        if (operation_)
            operation_->setPadding(padding_);
    }
    const auto keySize = ossl::sizeOf(params, OSSL_CIPHER_PARAM_KEYLEN);
    if (keySize && *keySize != algorithm_.keySize)
        throw ossl::UsageError(ossl::Reason::parameter, "the size of the key cannot be changed");
    if (!algorithm_.isAead())
        return;
    if (const auto size = ossl::sizeOf(params, OSSL_CIPHER_PARAM_AEAD_IVLEN)) {
        if (*size == 0 || *size > longestIv)
            throw ossl::UsageError(ossl::Reason::parameter, "an IV has 1 to 128 bytes");
        ivSize_ = *size;
    }
}

void CipherContext::setTag(const OSSL_PARAM* params) {
    const auto* tag = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TAG);
    if (!algorithm_.isAead() || tag == nullptr ||
        tag->data == nullptr) // the size alone: tags are cut when they are read
        return;
    const auto value = ossl::octetsOf(params, OSSL_CIPHER_PARAM_AEAD_TAG);
    if (value->empty() || value->size() > longestTag)
        throw ossl::UsageError(ossl::Reason::parameter, "a tag has 1 to 16 bytes");
    operation().setTag(*value);
}

void CipherContext::getParams(OSSL_PARAM* params) const {
    if (params == nullptr)
        return;
    if (software_)
        return software_->get(params);
    ossl::answerSize(params, OSSL_CIPHER_PARAM_KEYLEN, algorithm_.keySize);
    ossl::answerSize(params, OSSL_CIPHER_PARAM_IVLEN, ivSize_);
    ossl::answerSize(params, OSSL_CIPHER_PARAM_PADDING, padding_ ? 1 : 0);
    ossl::answerSize(params, OSSL_CIPHER_PARAM_NUM, 0);
    answerOctetsOrPointer(params, OSSL_CIPHER_PARAM_IV, iv_);
    answerOctetsOrPointer(params, OSSL_CIPHER_PARAM_UPDATED_IV,
                          operation_ ? operation_->nextIv() : ByteView(iv_));
    if (!algorithm_.isAead())
        return;
    ossl::answerSize(params, OSSL_CIPHER_PARAM_AEAD_TAGLEN, longestTag);
    const bool finished = state_.phase() == ossl::OperationState::Phase::finished;
    answerTag(params, finished ? operation_->tag() : ByteView());
}

} // namespace p11::cipher
