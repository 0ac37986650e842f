// SPDX-License-Identifier: Apache-2.0
// ECB and CBC. The host does PKCS#7 padding.
#pragma once

#include "cipher/operation.h"

namespace p11::cipher {

/// CBC if there is an IV, otherwise ECB. With padding, the last block is encrypted in advance,
/// together with the data before it. The last decrypted block is held back until there is more
/// data. So data in one piece costs two calls.
class Blocks : public Operation {
  public:
    explicit Blocks(const Setup& setup);
    ~Blocks() override;
    Blocks(const Blocks&) = default;
    Blocks& operator=(const Blocks&) = delete;

    std::unique_ptr<Operation> clone() const override { return std::make_unique<Blocks>(*this); }
    std::size_t update(ByteView in, MutableBytes out) override;
    std::size_t finish(MutableBytes out) override;
    void setPadding(bool padding) override { padding_ = padding; }
    ByteView nextIv() const override { return iv_; }

  private:
    std::size_t encrypt(ByteView whole, ByteView rest, MutableBytes out);
    std::size_t decrypt(ByteView whole, bool more, MutableBytes out);
    std::size_t finishDecryption(MutableBytes out);
    std::size_t onBlocks(ByteView in, MutableBytes out);
    void padInto(MutableBytes block) const;

    std::shared_ptr<skeymgmt::SecretKey> key_;
    bool encrypts_;
    bool padding_ = true;
    pkcs11::Bytes iv_;
    Block partial_{}; ///< data that does not fill a block yet
    std::size_t partialSize_ = 0;
    Block ready_{}; ///< encrypting: the last block in advance; decrypting: the one held back
    bool isReady_ = false;
};

} // namespace p11::cipher
