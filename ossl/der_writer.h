// SPDX-License-Identifier: Apache-2.0
// Writes DER (ITU-T X.690) into a caller's buffer, for the two small structures that every
// signature needs. OpenSSL's templates would make a dozen allocations for each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "pkcs11/bytes.h"

namespace p11::ossl {

/// Throws std::length_error at the end of the buffer.
class DerWriter {
  public:
    explicit DerWriter(pkcs11::MutableBytes out) : out_(out) {}

    /// Bytes that header() writes for a content of `length`, below 65536.
    static constexpr std::size_t headerSize(std::size_t length) {
        return length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
    }

    void header(unsigned char tag, std::size_t length) {
        byte(tag);
        if (length >= 0x80)
            byte(length < 0x100 ? 0x81 : 0x82);
        if (length >= 0x100)
            byte(static_cast<unsigned char>(length >> 8));
        byte(static_cast<unsigned char>(length));
    }

    void byte(unsigned char value) { bytes(std::span(&value, 1)); }

    void bytes(pkcs11::ByteView values) {
        if (values.size() > out_.size() - size_)
            throw std::length_error("the DER buffer is too small");
        std::copy(values.begin(), values.end(), out_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += values.size();
    }

    std::size_t size() const { return size_; }

  private:
    pkcs11::MutableBytes out_;
    std::size_t size_ = 0;
};

} // namespace p11::ossl
