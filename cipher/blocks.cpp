// SPDX-License-Identifier: Apache-2.0
#include "cipher/blocks.h"

#include <algorithm>

#include <openssl/crypto.h>

namespace p11::cipher {
namespace {

[[noreturn]] void wrongLength() {
    throw ossl::UsageError(ossl::Reason::data, "the data is not a multiple of 16 bytes long");
}

} // namespace

Blocks::Blocks(const Setup& setup)
    : key_(setup.key), encrypts_(setup.encrypts), iv_(setup.iv.begin(), setup.iv.end()) {}

Blocks::~Blocks() {
    OPENSSL_cleanse(partial_.data(), partial_.size());
    OPENSSL_cleanse(ready_.data(), ready_.size());
}

// Whole blocks, in one operation on the token.
std::size_t Blocks::onBlocks(ByteView in, MutableBytes out) {
    CK_MECHANISM mechanism{CKM_AES_ECB, nullptr, 0};
    if (!iv_.empty())
        mechanism = {CKM_AES_CBC, iv_.data(), CK_ULONG{iv_.size()}};
    const auto size = onToken(*key_, encrypts_, mechanism, in, out);
    if (size != in.size())
        throw pkcs11::Error(pkcs11::Failure::call,
                            "the token returned another number of blocks than it received",
                            CKR_GENERAL_ERROR);
    return size;
}

void Blocks::padInto(MutableBytes block) const {
    std::copy_n(partial_.begin(), partialSize_, block.begin());
    std::fill(block.begin() + static_cast<std::ptrdiff_t>(partialSize_), block.end(),
              static_cast<unsigned char>(blockSize - partialSize_));
}

std::size_t Blocks::update(ByteView in, MutableBytes out) {
    ossl::SecretBytes data(partialSize_ + in.size());
    std::copy_n(partial_.begin(), partialSize_, data.data());
    std::copy(in.begin(), in.end(), data.data() + partialSize_);
    const auto wholeSize = data.size() / blockSize * blockSize;
    const auto whole = data.view().first(wholeSize);
    const auto rest = data.view().subspan(wholeSize);
    if (encrypts_ && !in.empty())
        isReady_ = false; // what was encrypted ahead is not the end
    std::size_t size = 0;
    if (!encrypts_ && !in.empty())
        size = decrypt(whole, !rest.empty(), out);
    else if (!whole.empty())
        size = encrypt(whole, rest, out);
    std::copy(rest.begin(), rest.end(), partial_.begin());
    partialSize_ = rest.size();
    return size;
}

std::size_t Blocks::encrypt(ByteView whole, ByteView rest, MutableBytes out) {
    std::copy(rest.begin(), rest.end(), partial_.begin());
    partialSize_ = rest.size();
    ossl::SecretBytes plain(whole.size() + (padding_ ? blockSize : 0));
    std::copy(whole.begin(), whole.end(), plain.data());
    if (padding_)
        padInto(plain.all().last(blockSize));
    ossl::SecretBytes made(plain.size());
    onBlocks(plain.view(), made.all());
    const auto given = made.view().first(whole.size());
    const auto size = give(given, out);
    if (!iv_.empty())
        std::copy(given.end() - blockSize, given.end(), iv_.begin());
    isReady_ = padding_;
    if (isReady_)
        std::copy_n(made.view().last(blockSize).begin(), blockSize, ready_.begin());
    return size;
}

// The last block is held back if it may contain the padding.
std::size_t Blocks::decrypt(ByteView whole, bool more, MutableBytes out) {
    const std::size_t before = isReady_ ? blockSize : 0;
    ossl::SecretBytes made(before + whole.size());
    std::copy_n(ready_.begin(), before, made.data());
    if (!whole.empty())
        onBlocks(whole, made.all().subspan(before));
    isReady_ = padding_ && !more;
    const auto size = give(made.view().first(made.size() - (isReady_ ? blockSize : 0)), out);
    if (!whole.empty() && !iv_.empty())
        std::copy(whole.end() - blockSize, whole.end(), iv_.begin());
    if (isReady_)
        std::copy_n(made.view().last(blockSize).begin(), blockSize, ready_.begin());
    return size;
}

std::size_t Blocks::finish(MutableBytes out) {
    if (!encrypts_ && padding_)
        return finishDecryption(out);
    if (!padding_) {
        if (partialSize_ != 0)
            wrongLength();
        return !encrypts_ && isReady_ ? give(ready_, out) : 0;
    }
    if (!isReady_) {
        Block plain{};
        padInto(plain);
        onBlocks(plain, ready_);
        OPENSSL_cleanse(plain.data(), plain.size());
    }
    return give(ready_, out);
}

// All kinds of wrong padding have the same error.
std::size_t Blocks::finishDecryption(MutableBytes out) {
    if (partialSize_ != 0 || !isReady_)
        wrongLength();
    const std::size_t padding = ready_.back();
    unsigned wrong = padding == 0 || padding > blockSize ? 1 : 0;
    for (std::size_t i = 0; i < blockSize; ++i)
        if (i + padding >= blockSize)
            wrong |= static_cast<unsigned>(ready_.at(i) ^ padding);
    if (wrong != 0)
        throw ossl::UsageError(ossl::Reason::data, "the data cannot be decrypted");
    return give(ByteView(ready_).first(blockSize - padding), out);
}

} // namespace p11::cipher
