// SPDX-License-Identifier: Apache-2.0
// CTR.
#pragma once

#include "cipher/operation.h"

namespace p11::cipher {

/// Pieces need not be whole blocks: the token starts each piece at the block that contains it.
class Counter : public Operation {
  public:
    explicit Counter(const Setup& setup);

    std::unique_ptr<Operation> clone() const override { return std::make_unique<Counter>(*this); }
    std::size_t update(ByteView in, MutableBytes out) override;
    std::size_t finish(MutableBytes) override { return 0; }
    ByteView nextIv() const override { return block_; }

  private:
    void advance(std::size_t size);

    std::shared_ptr<skeymgmt::SecretKey> key_;
    bool encrypts_;
    Block block_{};          ///< the counter of the present block, big-endian
    std::size_t offset_ = 0; ///< in that block
};

} // namespace p11::cipher
