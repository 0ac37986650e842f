// SPDX-License-Identifier: Apache-2.0
#include "ossl/words.h"

#include <algorithm>
#include <array>

namespace ossl {

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> result;
    constexpr std::string_view separators = " \t,";
    while (!text.empty()) {
        const auto start = std::min(text.find_first_not_of(separators), text.size());
        text.remove_prefix(start);
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end > 0)
            result.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return result;
}

std::optional<bool> yesOrNo(std::string_view word) {
    constexpr std::array<std::string_view, 4> yes{"1", "yes", "true", "on"};
    constexpr std::array<std::string_view, 5> no{"0", "no", "false", "off", ""};
    if (std::find(yes.begin(), yes.end(), word) != yes.end())
        return true;
    if (std::find(no.begin(), no.end(), word) != no.end())
        return false;
    return std::nullopt;
}

} // namespace ossl
