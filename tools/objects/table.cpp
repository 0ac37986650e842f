// SPDX-License-Identifier: Apache-2.0
#include "tools/objects/table.h"

#include <algorithm>
#include <numeric>

#include <sys/ioctl.h>
#include <unistd.h>

namespace p11::tools::objects {
namespace {

constexpr std::size_t narrowest = 6;
constexpr std::size_t gap = 2;

bool startsCharacter(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

// Each character counts as one column.
std::size_t widthOf(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), startsCharacter));
}

std::string cut(const std::string& text, std::size_t width) {
    if (widthOf(text) <= width)
        return text;
    std::size_t characters = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (startsCharacter(text[i]) && ++characters == width)
            return text.substr(0, i) + "\u2026";
    return text;
}

std::vector<std::size_t> widthsOf(const std::vector<Row>& rows, std::size_t most) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], widthOf(row[i]));
    const auto total = [&widths] {
        return std::accumulate(widths.begin(), widths.end(), gap * (widths.size() - 1));
    };
    while (most > 0 && total() > most) {
        auto& widest = *std::max_element(widths.begin(), widths.end());
        if (widest <= narrowest)
            break;
        --widest;
    }
    return widths;
}

} // namespace

std::string table(const std::vector<Row>& rows, std::size_t width) {
    const auto widths = widthsOf(rows, width);
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const auto cell = cut(row[i], widths[i]);
            line += cell + std::string(widths[i] - widthOf(cell) + gap, ' ');
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::size_t terminalWidth() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

} // namespace p11::tools::objects
