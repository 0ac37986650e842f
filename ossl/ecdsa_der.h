// ECDSA signatures in the two forms there are: r and s side by side (PKCS#11 2.40, section 2.3.1),
// and DER.
#pragma once

#include <span>
#include <vector>

namespace ossl {

/// ECDSA-Sig-Value of RFC 3279, section 2.2.3. Empty if `raw` is not two numbers of the same
/// length.
std::vector<unsigned char> ecdsaToDer(std::span<const unsigned char> raw);

} // namespace ossl
