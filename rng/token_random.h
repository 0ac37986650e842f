// SPDX-License-Identifier: Apache-2.0
// Random numbers that a token makes (C_GenerateRandom).
#pragma once

#include <span>

#include "ossl/context.h"

namespace rng {

/// Bytes of one C_GenerateRandom: tokens with small messages take no more than about 2000.
inline constexpr std::size_t longestRequest = 1024;

/// Fills `out` by the token that the directive pkcs11-random-token names, without a login; one C_
/// call for every `longestRequest` bytes once the token is found. Inside a call to a module, whose
/// own libcrypto asks here then, OpenSSL's own generator fills it. Thread-safe. Throws, with `out`
/// untouched: nothing ever takes the place of what the token should have given.
void fill(ossl::Context& provider, std::span<unsigned char> out);

} // namespace rng
