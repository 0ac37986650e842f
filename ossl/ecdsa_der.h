// SPDX-License-Identifier: Apache-2.0
// ECDSA signatures in both forms: r and s side by side (PKCS#11 2.40, section 2.3.1), and DER.
#pragma once

#include <cstddef>
#include <vector>

#include "pkcs11/bytes.h"

namespace p11::ossl {

/// Writes the ECDSA-Sig-Value of RFC 3279, section 2.2.3. Returns its size, or 0 if `raw` is not
/// two numbers of the same length, or if the signature does not fit into `out`.
std::size_t ecdsaToDer(pkcs11::ByteView raw, pkcs11::MutableBytes out);

/// The ECDSA-Sig-Values that a token may mean by `raw`, for a curve whose order has `orderSize`
/// bytes. `raw` is r and s side by side or, in other forms that some modules use, DER, or r and s
/// without their leading zeros. In the last form nothing marks where s begins. So every possible
/// signature is returned, and the caller has to verify them. Returns nothing for any other form.
std::vector<std::vector<unsigned char>> ecdsaForms(pkcs11::ByteView raw, std::size_t orderSize);

} // namespace p11::ossl
