#include "ossl/ecdsa_der.h"

#include <algorithm>

#include "ossl/handles.h"

namespace ossl {

std::vector<unsigned char> ecdsaToDer(std::span<const unsigned char> raw) {
    if (raw.empty() || raw.size() % 2 != 0)
        return {};
    const auto half = static_cast<int>(raw.size() / 2);
    Bignum r(BN_bin2bn(raw.data(), half, nullptr));
    Bignum s(BN_bin2bn(raw.data() + half, half, nullptr));
    const EcdsaSig signature(ECDSA_SIG_new());
    if (!signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1)
        return {};
    // ECDSA_SIG_set0 has taken them over.
    (void)r.release();
    (void)s.release();
    std::vector<unsigned char> der(
        static_cast<std::size_t>(std::max(i2d_ECDSA_SIG(signature.get(), nullptr), 0)));
    unsigned char* position = der.data();
    i2d_ECDSA_SIG(signature.get(), &position);
    return der;
}

} // namespace ossl
