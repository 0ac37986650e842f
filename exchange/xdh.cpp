// SPDX-License-Identifier: Apache-2.0
#include "exchange/xdh.h"

#include <algorithm>
#include <array>

namespace p11::exchange {
namespace {

constexpr std::size_t longestSecret = 56;

// Whichever bytes differ: it takes the same time.
bool isZero(ByteView secret) {
    constexpr std::array<unsigned char, longestSecret> zeros{};
    return CRYPTO_memcmp(secret.data(), zeros.data(), secret.size()) == 0;
}

} // namespace

void Xdh::begin(const std::shared_ptr<keymgmt::Key>& key, const OSSL_PARAM*) {
    state().begin([&] { setKey(key); });
}

std::size_t Xdh::size() const {
    requirePeer();
    return secretSize();
}

std::size_t Xdh::derive(MutableBytes out) const {
    if (out.size() < size())
        throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the secret");
    return withToken(*this, out, [](const Xdh& exchange, MutableBytes room) {
        return exchange.deriveNow(room);
    });
}

std::size_t Xdh::deriveNow(MutableBytes out) const {
    const auto shared = secret(CKM_ECDH1_DERIVE);
    const auto view = shared.view();
    if (isZero(view))
        throw ossl::UsageError(ossl::Reason::data,
                               "the peer's key has small order, so the secret is not secret");
    std::copy(view.begin(), view.end(), out.begin());
    return view.size();
}

} // namespace p11::exchange
