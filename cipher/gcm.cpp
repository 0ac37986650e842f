// SPDX-License-Identifier: Apache-2.0
#include "cipher/gcm.h"

#include <algorithm>

namespace p11::cipher {
namespace {

constexpr std::size_t fullTag = 16; // bytes

} // namespace

Gcm::Gcm(const Setup& setup)
    : key_(setup.key), encrypts_(setup.encrypts), iv_(setup.iv.begin(), setup.iv.end()) {}

void Gcm::authenticate(ByteView data) {
    if (done_)
        throw ossl::UsageError(ossl::Reason::data,
                               "additional authenticated data must come before the data");
    authenticated_.insert(authenticated_.end(), data.begin(), data.end());
}

void Gcm::setTag(ByteView tag) {
    if (encrypts_ || done_)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "for decryption, set the tag before the data");
    tag_.assign(tag.begin(), tag.end());
}

CK_GCM_PARAMS Gcm::parameter(std::size_t tagSize) {
    CK_GCM_PARAMS result{};
    result.pIv = iv_.data();
    result.ulIvLen = iv_.size();
    result.ulIvBits = iv_.size() * 8;
    result.pAAD = authenticated_.data();
    result.ulAADLen = authenticated_.size();
    result.ulTagBits = tagSize * 8;
    return result;
}

std::size_t Gcm::update(ByteView in, MutableBytes out) {
    if (in.empty())
        return 0;
    if (done_)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "GCM with a key on a token takes its data in one piece");
    return encrypts_ ? encrypt(in, out) : decrypt(in, out);
}

std::size_t Gcm::finish(MutableBytes out) {
    if (!done_)
        encrypts_ ? encrypt({}, out) : decrypt({}, out);
    return 0;
}

// The nonce is used once, even if the operation fails.
std::size_t Gcm::encrypt(ByteView in, MutableBytes out) {
    done_ = true;
    auto values = parameter(fullTag);
    ossl::SecretBytes made(in.size() + fullTag);
    if (onToken(*key_, true, {CKM_AES_GCM, &values, sizeof values}, in, made.all()) != made.size())
        throw pkcs11::Error(pkcs11::Failure::call, "the token returned no tag", CKR_GENERAL_ERROR);
    const auto tag = made.view().last(fullTag);
    tag_.assign(tag.begin(), tag.end());
    return give(made.view().first(in.size()), out);
}

std::size_t Gcm::decrypt(ByteView in, MutableBytes out) {
    if (tag_.empty())
        throw ossl::UsageError(ossl::Reason::data,
                               "GCM with a key on a token needs the tag before the data");
    done_ = true;
    auto values = parameter(tag_.size());
    ossl::SecretBytes sealed(in.size() + tag_.size());
    std::copy(in.begin(), in.end(), sealed.data());
    std::copy(tag_.begin(), tag_.end(), sealed.data() + in.size());
    // With room for the tag, because some modules require it.
    ossl::SecretBytes made(sealed.size());
    const auto size =
        onToken(*key_, false, {CKM_AES_GCM, &values, sizeof values}, sealed.view(), made.all());
    if (size != in.size())
        throw pkcs11::Error(pkcs11::Failure::call, "the token returned data of the wrong size",
                            CKR_GENERAL_ERROR);
    return give(made.view().first(size), out);
}

} // namespace p11::cipher
