// SPDX-License-Identifier: Apache-2.0
// The parts of settings: lists, numbers, results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <p11-kit/pkcs11.h>

namespace test_module {

/// "A,B" in its parts; none for an empty text. Spaces around a part do not count.
std::vector<std::string> split(std::string_view text, char separator);

/// Decimal, or hexadecimal with 0x. Throws ConfigError for anything else.
CK_ULONG parseNumber(const std::string& text);

/// "CKR_DEVICE_ERROR", or a number. Throws ConfigError for an unknown name.
CK_RV parseResult(const std::string& text);

} // namespace test_module
