// SPDX-License-Identifier: Apache-2.0
// The data of a streamed signature. It is hashed as it arrives, or kept if the token insists on
// hashing.
#pragma once

#include <array>
#include <span>

#include "ossl/handles.h"
#include "pkcs11/attributes.h"
#include "pkcs11/bytes.h"

namespace p11::signature {

/// Copies are independent: each may continue with other data.
class Message {
  public:
    Message() = default;
    Message(const Message& other);
    Message& operator=(const Message&) = delete;
    ~Message() = default;

    /// Drops all data. Hashes with `digest`, or keeps everything if it is null. Throws UsageError.
    void start(const EVP_MD* digest);
    void forget();
    bool started() const { return hash_ != nullptr || keeps_; }
    bool keepsData() const { return keeps_; }

    void update(pkcs11::ByteView data);
    using Hash = std::array<unsigned char, EVP_MAX_MD_SIZE>;
    /// The hash, in the part of `out` that it fills. Ends the message. Throws UsageError.
    pkcs11::ByteView takeHash(Hash& out);
    /// The data that was kept. Ends the message.
    pkcs11::Bytes takeData();

  private:
    ossl::MdCtx hash_;
    bool keeps_ = false;
    pkcs11::Bytes data_;
};

} // namespace p11::signature
