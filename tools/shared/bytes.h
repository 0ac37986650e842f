// SPDX-License-Identifier: Apache-2.0
// Bytes and texts, secret or not.
#pragma once

#include <string_view>

#include "ossl/secret.h"
#include "pkcs11/bytes.h"

namespace p11::tools {

using ossl::SecretBytes;
using ossl::SecretString;
using pkcs11::Bytes;
using pkcs11::ByteView;

inline ByteView bytesOf(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

inline std::string_view textOf(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace p11::tools
