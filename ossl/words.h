// SPDX-License-Identifier: Apache-2.0
// Words in the values of directives and parameters, and on command lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ossl {

/// The words of a list. Blanks, tabs and commas separate them.
std::vector<std::string> words(std::string_view text);

/// "1", "yes", "true" and "on"; "0", "no", "false", "off" and "". Nothing for other words.
std::optional<bool> yesOrNo(std::string_view word);

/// The Levenshtein distance: how many letters to insert, remove or replace.
std::size_t distance(std::string_view one, std::string_view other);

/// The one of `values` that resembles `given`, of whose letters one in three may be wrong; empty if
/// none does.
std::string nearest(const std::string& given, const std::vector<std::string>& values);

} // namespace ossl
