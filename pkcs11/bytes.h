// SPDX-License-Identifier: Apache-2.0
// Bytes, owned and borrowed, as all layers call them.
#pragma once

#include <span>
#include <vector>

namespace p11::pkcs11 {

using Bytes = std::vector<unsigned char>;
/// Somebody else's bytes, to read.
using ByteView = std::span<const unsigned char>;
/// Somebody else's memory, to write to.
using MutableBytes = std::span<unsigned char>;

/// `data` as an argument of a C_ function, which only reads it. Never null, because some modules
/// refuse null even for data of size 0.
inline unsigned char* pointerTo(ByteView data) {
    static unsigned char nothing = 0;
    return data.empty() ? &nothing : const_cast<unsigned char*>(data.data());
}

} // namespace p11::pkcs11
