// SPDX-License-Identifier: Apache-2.0
#include "cipher/counter.h"

#include <algorithm>

namespace p11::cipher {

Counter::Counter(const Setup& setup) : key_(setup.key), encrypts_(setup.encrypts) {
    std::copy_n(setup.iv.begin(), blockSize, block_.begin());
}

std::size_t Counter::update(ByteView in, MutableBytes out) {
    if (in.empty())
        return 0;
    ossl::SecretBytes data(offset_ + in.size());
    std::copy(in.begin(), in.end(), data.data() + offset_);
    ossl::SecretBytes made(data.size());
    CK_AES_CTR_PARAMS parameter{};
    parameter.ulCounterBits = blockSize * 8;
    std::copy(block_.begin(), block_.end(), std::begin(parameter.cb));
    if (onToken(*key_, encrypts_, {CKM_AES_CTR, &parameter, sizeof parameter}, data.view(),
                made.all()) != data.size())
        throw pkcs11::Error(pkcs11::Failure::call,
                            "the token returned fewer bytes than it received", CKR_GENERAL_ERROR);
    const auto size = give(made.view().subspan(offset_), out);
    advance(data.size());
    return size;
}

void Counter::advance(std::size_t size) {
    offset_ = size % blockSize;
    auto carry = size / blockSize;
    for (auto byte = block_.rbegin(); byte != block_.rend() && carry != 0; ++byte) {
        carry += *byte;
        *byte = static_cast<unsigned char>(carry);
        carry >>= 8;
    }
}

} // namespace p11::cipher
