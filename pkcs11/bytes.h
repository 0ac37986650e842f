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

} // namespace p11::pkcs11
