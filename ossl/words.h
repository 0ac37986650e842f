// SPDX-License-Identifier: Apache-2.0
// Words in the values of directives and parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ossl {

/// The words of a list. Blanks, tabs and commas separate them.
std::vector<std::string> words(std::string_view text);

/// "1", "yes", "true" and "on"; "0", "no", "false", "off" and "". Nothing for other words.
std::optional<bool> yesOrNo(std::string_view word);

} // namespace ossl
