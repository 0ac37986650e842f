// SPDX-License-Identifier: Apache-2.0
// Those for whom a layer's key is wrapped.
#pragma once

#include <cstddef>

namespace tools {

/// More recipients are refused, because each may cost an operation on the token.
inline constexpr std::size_t mostRecipients = 64;

} // namespace tools
