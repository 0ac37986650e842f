// SPDX-License-Identifier: Apache-2.0
// GCM.
#pragma once

#include "cipher/operation.h"

namespace p11::cipher {

/// Data in one piece. The token returns nothing that is not authenticated, and no operation stays
/// active. A decryption needs the tag first.
class Gcm : public Operation {
  public:
    explicit Gcm(const Setup& setup);

    std::unique_ptr<Operation> clone() const override { return std::make_unique<Gcm>(*this); }
    std::size_t update(ByteView in, MutableBytes out) override;
    void authenticate(ByteView data) override;
    std::size_t finish(MutableBytes out) override;
    void setTag(ByteView tag) override;
    ByteView tag() const override { return encrypts_ && done_ ? ByteView(tag_) : ByteView(); }
    ByteView nextIv() const override { return iv_; }

  private:
    std::size_t encrypt(ByteView in, MutableBytes out);
    std::size_t decrypt(ByteView in, MutableBytes out);
    CK_GCM_PARAMS parameter(std::size_t tagSize);

    std::shared_ptr<skeymgmt::SecretKey> key_;
    bool encrypts_;
    bool done_ = false;
    pkcs11::Bytes iv_;
    pkcs11::Bytes authenticated_;
    pkcs11::Bytes tag_;
};

} // namespace p11::cipher
