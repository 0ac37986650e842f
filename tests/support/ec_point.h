// SPDX-License-Identifier: Apache-2.0
// Other forms of CKA_EC_POINT.
#pragma once

#include <vector>

namespace test_module {

using Bytes = std::vector<unsigned char>;

/// `value` is the OCTET STRING of a point, as PKCS#11 has it; what cannot be changed stays as it
/// is.
Bytes changePoint(const Bytes& value, bool compress, bool raw);

} // namespace test_module
