// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648), the standard alphabet with padding and the one for URLs without.
#pragma once

#include <optional>
#include <string_view>

#include "tools/shared/bytes.h"

namespace p11::tools::base64 {

SecretString encode(ByteView bytes);
SecretString encodeUrl(ByteView bytes);

/// Strict: no blanks, no missing or surplus padding, no bits left over; nullopt otherwise.
std::optional<SecretBytes> decode(std::string_view text);
std::optional<SecretBytes> decodeUrl(std::string_view text);

} // namespace p11::tools::base64
