// SPDX-License-Identifier: Apache-2.0
// AES key wrap (RFC 3394), with padding (RFC 5649).
#pragma once

#include "cipher/operation.h"

namespace p11::cipher {

/// Each piece of data is a key of its own. The token encrypts it if it offers the mechanism for
/// that, and the key may. Otherwise it wraps a session object that has the data as its value.
class Wrap : public Operation {
  public:
    explicit Wrap(const Setup& setup);

    std::unique_ptr<Operation> clone() const override { return std::make_unique<Wrap>(*this); }
    /// A null `out` asks for the size of the output.
    std::size_t update(ByteView in, MutableBytes out) override;
    std::size_t finish(MutableBytes) override { return 0; }
    void setPadding(bool padding) override { padding_ = padding; }
    ByteView nextIv() const override { return iv_; }

  private:
    struct Way {
        CK_MECHANISM_TYPE mechanism;
        bool asKey; ///< by C_WrapKey and C_UnwrapKey
    };
    Way way() const;
    std::size_t wrap(ByteView in, MutableBytes out);
    std::size_t unwrap(ByteView in, MutableBytes out);
    std::size_t apply(const Way& way, ByteView in, MutableBytes out) const;
    void requireRfc5649(const Way& chosen, ByteView in, ByteView wrapped) const;

    std::shared_ptr<skeymgmt::SecretKey> key_;
    bool encrypts_;
    bool padding_ = false;
    pkcs11::Bytes iv_; ///< empty: the standard's
};

} // namespace p11::cipher
