// SPDX-License-Identifier: Apache-2.0
#include "cipher/operation.h"

#include <algorithm>

#include "pkcs11/operation.h"

namespace p11::cipher {

void Operation::authenticate(ByteView data) {
    if (!data.empty())
        throw ossl::UsageError(ossl::Reason::data,
                               "there is no buffer for the cipher's output; this mode has no data "
                               "that is authenticated only");
}

std::size_t onToken(const skeymgmt::SecretKey& key, bool encrypts, const CK_MECHANISM& mechanism,
                    ByteView data, MutableBytes out) {
    return encrypts ? pkcs11::encrypt(key.object(), mechanism, data, out)
                    : pkcs11::decrypt(key.object(), mechanism, data, out);
}

std::size_t give(ByteView data, MutableBytes out) {
    if (data.size() > out.size())
        throw ossl::UsageError(ossl::Reason::data,
                               "the buffer for the cipher's output is too small");
    std::copy(data.begin(), data.end(), out.begin());
    return data.size();
}

} // namespace p11::cipher
