// ECDSA signatures in the two forms there are: r and s side by side (PKCS#11 2.40, section 2.3.1),
// and DER.
#pragma once

#include <cstddef>
#include <span>

namespace ossl {

/// Writes the ECDSA-Sig-Value of RFC 3279, section 2.2.3. Returns its size; 0 if `raw` is not two
/// numbers of the same length, or if `out` does not hold the signature.
std::size_t ecdsaToDer(std::span<const unsigned char> raw, std::span<unsigned char> out);

} // namespace ossl
