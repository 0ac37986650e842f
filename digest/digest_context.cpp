// SPDX-License-Identifier: Apache-2.0
#include "digest/digest_context.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "digest/digest_token.h"
#include "ossl/job.h"

namespace p11::digest {
namespace {

std::string firstName(const Algorithm& algorithm) {
    const std::string_view names = algorithm.names;
    return std::string(names.substr(0, names.find(':')));
}

[[noreturn]] void softwareFailed() {
    throw ossl::UsageError(ossl::Reason::internal, "OpenSSL's own digest failed");
}

} // namespace

void DigestContext::forget() {
    stream_.reset();
    software_.reset();
    kept_ = {};
}

void DigestContext::beginInSoftware() {
    const auto md = provider_.digest(firstName(algorithm_).c_str());
    software_.reset(EVP_MD_CTX_new());
    if (!md || !software_ || EVP_DigestInit_ex2(software_.get(), md.get(), nullptr) != 1)
        softwareFailed();
}

void DigestContext::begin() {
    state_.begin([&] {
        forget();
        if (pkcs11::Module::insideCall())
            return beginInSoftware();
        token_ = &tokenOf(provider_);
        requireMechanism(*token_, algorithm_.mechanism, firstName(algorithm_).c_str());
    });
}

void DigestContext::update(pkcs11::ByteView data) {
    state_.update([&] {
        if (!software_)
            keep(data);
        else if (EVP_DigestUpdate(software_.get(), data.data(), data.size()) != 1)
            softwareFailed();
    });
}

void DigestContext::keep(pkcs11::ByteView data) {
    while (!data.empty()) {
        if (kept_.size() == mostKept)
            giveToToken();
        const auto part = data.first(std::min(data.size(), mostKept - kept_.size()));
        kept_.insert(kept_.end(), part.begin(), part.end());
        data = data.subspan(part.size());
    }
}

// A stream that fails is dropped, and its session is free again.
void DigestContext::giveToToken() {
    auto stream = std::move(stream_);
    if (stream)
        stream->update(kept_.view());
    else
        stream = std::make_unique<pkcs11::DigestStream>(*token_, algorithm_.mechanism,
                                                        loginOf(provider_), kept_.view());
    stream_ = std::move(stream);
    kept_.clear();
}

std::size_t DigestContext::finish(pkcs11::MutableBytes out) {
    return state_.finish([&] {
        if (out.size() < algorithm_.size)
            throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the hash");
        const std::size_t size = hash(out.first(algorithm_.size));
        if (size != algorithm_.size)
            throw pkcs11::Error(pkcs11::Failure::call,
                                token_->describe() + " returned a " + firstName(algorithm_) +
                                    " hash of " + std::to_string(size) + " bytes",
                                CKR_GENERAL_ERROR);
        forget();
        return size;
    });
}

std::size_t DigestContext::hash(pkcs11::MutableBytes out) {
    if (software_) {
        unsigned size = 0;
        if (EVP_DigestFinal_ex(software_.get(), out.data(), &size) != 1)
            softwareFailed();
        return size;
    }
    if (!stream_)
        return hashKept(out);
    giveToToken();
    return std::exchange(stream_, nullptr)->finish(out);
}

// Inside a job of OpenSSL a worker waits for the token.
std::size_t DigestContext::hashKept(pkcs11::MutableBytes out) const {
    const auto mechanism = algorithm_.mechanism;
    return ossl::runWithToken(
        provider_, *token_, mechanism, kept_.view(), out,
        [token = token_, logIn = loginOf(provider_)](CK_MECHANISM_TYPE type, pkcs11::ByteView data,
                                                     pkcs11::MutableBytes room) {
            return pkcs11::digest(*token, type, logIn, data, room);
        });
}

std::unique_ptr<DigestContext> DigestContext::clone() {
    auto copy = std::make_unique<DigestContext>(provider_, algorithm_);
    copy->state_ = state_;
    copy->token_ = token_;
    copy->kept_.assign(kept_.begin(), kept_.end());
    if (stream_)
        copy->stream_ = stream_->copy();
    if (software_) {
        copy->software_.reset(EVP_MD_CTX_new());
        if (!copy->software_ || EVP_MD_CTX_copy_ex(copy->software_.get(), software_.get()) != 1)
            softwareFailed();
    }
    return copy;
}

} // namespace p11::digest
