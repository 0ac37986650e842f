// SPDX-License-Identifier: Apache-2.0
// ML-KEM (FIPS 203).
#pragma once

#include <cstddef>

namespace p11::keymgmt {

/// Of the secret that ML-KEM agrees on, in bytes.
inline constexpr std::size_t mlKemSecretSize = 32;

} // namespace p11::keymgmt
