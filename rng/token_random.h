// SPDX-License-Identifier: Apache-2.0
// Random numbers from a token (C_GenerateRandom).
#pragma once

#include <span>

#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"

namespace p11::rng {

/// Bytes in one C_GenerateRandom. Tokens with small messages accept no more than about 2000.
inline constexpr std::size_t longestRequest = 1024;

/// Fills `out` with random numbers of the token that the directive pkcs11-random-token names,
/// without a login. Once the token is found, it costs one C_ call for every `longestRequest` bytes.
/// Inside a call to a module, whose own libcrypto then asks here, OpenSSL's own generator fills
/// `out`. Thread-safe. If it throws, `out` is untouched: there is no fallback.
void fill(ossl::ProviderContext& provider, pkcs11::MutableBytes out);

} // namespace p11::rng
