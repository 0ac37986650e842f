// SPDX-License-Identifier: Apache-2.0
// Texts from files and scripts, with line ends and indentation.
#pragma once

#include <string_view>

namespace p11::uri {

/// `text` without the blanks, tabs and line ends around it.
inline std::string_view withoutBlanksAround(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace p11::uri
