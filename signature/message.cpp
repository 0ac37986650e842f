// SPDX-License-Identifier: Apache-2.0
#include "signature/message.h"

#include "ossl/core.h"

namespace p11::signature {
namespace {

[[noreturn]] void hashFailed() {
    throw ossl::UsageError(ossl::Reason::internal, "hashing failed");
}

} // namespace

Message::Message(const Message& other) : keeps_(other.keeps_), data_(other.data_) {
    if (!other.hash_)
        return;
    hash_.reset(EVP_MD_CTX_new());
    if (!hash_ || EVP_MD_CTX_copy_ex(hash_.get(), other.hash_.get()) != 1)
        hashFailed();
}

void Message::start(const EVP_MD* digest) {
    forget();
    keeps_ = digest == nullptr;
    if (keeps_)
        return;
    hash_.reset(EVP_MD_CTX_new());
    if (!hash_ || EVP_DigestInit_ex2(hash_.get(), digest, nullptr) != 1)
        hashFailed();
}

void Message::forget() {
    hash_.reset();
    data_.clear();
    keeps_ = false;
}

void Message::update(pkcs11::ByteView data) {
    if (keeps_)
        data_.insert(data_.end(), data.begin(), data.end());
    else if (EVP_DigestUpdate(hash_.get(), data.data(), data.size()) != 1)
        hashFailed();
}

pkcs11::ByteView Message::takeHash(Hash& out) {
    unsigned size = 0;
    if (EVP_DigestFinal_ex(hash_.get(), out.data(), &size) != 1)
        hashFailed();
    forget();
    return std::span(out).first(size);
}

pkcs11::Bytes Message::takeData() {
    pkcs11::Bytes data;
    data.swap(data_);
    forget();
    return data;
}

} // namespace p11::signature
