// SPDX-License-Identifier: Apache-2.0
// Words in the values of directives and parameters, and on command lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace p11::ossl {

/// The words of a list. Blanks, tabs and commas separate them.
std::vector<std::string> words(std::string_view text);

/// The parts of a list that commas separate, without the blanks around them. Empty ones are left
/// out.
std::vector<std::string> commaSeparated(std::string_view text);

/// "1", "yes", "true" and "on"; "0", "no", "false", "off" and "". Nothing for other words.
std::optional<bool> yesOrNo(std::string_view word);

/// The one of `values` with the smallest Levenshtein distance to `given`. Empty if more than one in
/// three letters of `given`, or more than `mostLetters`, would be wrong.
std::string nearest(const std::string& given, const std::vector<std::string>& values,
                    std::size_t mostLetters = std::string::npos);

} // namespace p11::ossl
