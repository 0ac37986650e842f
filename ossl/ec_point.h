// SPDX-License-Identifier: Apache-2.0
// The public values of EC keys, in the form that tokens expect.
#pragma once

#include <vector>

#include <openssl/evp.h>

#include "pkcs11/bytes.h"

namespace p11::ossl {

/// The public point of an EC key, uncompressed (SEC 1, section 2.3.3): 04, x and y. Throws
/// UsageError.
std::vector<unsigned char> uncompressedPoint(EVP_PKEY* key);

/// The length of a coordinate of such a point.
constexpr std::size_t coordinateSize(std::size_t pointSize) {
    return (pointSize - 1) / 2;
}

/// A DER OCTET STRING that holds `bytes`, which are fewer than 65536.
std::vector<unsigned char> octetString(pkcs11::ByteView bytes);

} // namespace p11::ossl
