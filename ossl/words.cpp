// SPDX-License-Identifier: Apache-2.0
#include "ossl/words.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace p11::ossl {
namespace {

// Of Levenshtein: how many letters to insert, remove or replace.
std::size_t distanceOf(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < one.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < other.size(); ++j) {
            const auto replaced = diagonal + (one[i] == other[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::vector<std::string> commaSeparated(std::string_view text) {
    std::vector<std::string> result;
    constexpr std::string_view blanks = " \t";
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(',', start), text.size());
        const auto part = text.substr(start, end - start);
        if (const auto first = part.find_first_not_of(blanks); first != part.npos)
            result.emplace_back(part.substr(first, part.find_last_not_of(blanks) + 1 - first));
        start = end + 1;
    }
    return result;
}

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

std::string nearest(const std::string& given, const std::vector<std::string>& values,
                    std::size_t mostLetters) {
    std::size_t least = std::min(given.size() / 3, mostLetters) + 1;
    std::string found;
    for (const auto& value : values)
        if (const auto distance = distanceOf(given, value); distance < least) {
            least = distance;
            found = value;
        }
    return found;
}

} // namespace p11::ossl
