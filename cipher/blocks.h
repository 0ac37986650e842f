// SPDX-License-Identifier: Apache-2.0
// ECB and CBC, with PKCS#7 padding done in the host.
#pragma once

#include "cipher/operation.h"

namespace cipher {

/// CBC where there is an IV, else ECB. With padding the last block is encrypted ahead, together
/// with what comes before it, and the last block that is decrypted is held back until there is
/// more: so data that is given in one piece costs two calls.
class Blocks : public Operation {
  public:
    explicit Blocks(const Setup& setup);
    ~Blocks() override;
    Blocks(const Blocks&) = default;
    Blocks& operator=(const Blocks&) = delete;

    std::unique_ptr<Operation> clone() const override { return std::make_unique<Blocks>(*this); }
    std::size_t update(Octets in, Buffer out) override;
    std::size_t finish(Buffer out) override;
    void setPadding(bool padding) override { padding_ = padding; }
    Octets nextIv() const override { return iv_; }

  private:
    std::size_t encrypt(Octets whole, Octets rest, Buffer out);
    std::size_t decrypt(Octets whole, bool more, Buffer out);
    std::size_t finishDecryption(Buffer out);
    std::size_t onBlocks(Octets in, Buffer out);
    void padInto(Buffer block) const;

    std::shared_ptr<skeymgmt::SecretKey> key_;
    bool encrypts_;
    bool padding_ = true;
    pkcs11::Bytes iv_;
    Block partial_{}; ///< data that makes no block yet
    std::size_t partialSize_ = 0;
    Block ready_{}; ///< encrypting: the last block ahead; decrypting: the one held back
    bool isReady_ = false;
};

} // namespace cipher
