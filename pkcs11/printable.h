// SPDX-License-Identifier: Apache-2.0
// Texts of tokens, URIs and files in messages and logs. Header only, because the tools use it too.
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace p11::pkcs11 {
namespace detail {

/// The bytes of the UTF-8 character that `text` begins with; 0 if the bytes are not valid UTF-8
/// (Unicode, table 3-7).
inline std::size_t characterSize(std::string_view text) {
    const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t size = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
    if (size > text.size())
        return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    const bool isOverlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool isNoScalar =
        (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
    return isOverlong || isNoScalar ? 0 : size;
}

/// True for characters that control a terminal, end a line or change the direction of writing.
inline bool steers(std::string_view character) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    if (character.size() == 1)
        return byte(0) < 0x20 || byte(0) == 0x7F;
    if (character.size() == 2) // U+0080 to U+009F
        return byte(0) == 0xC2 && byte(1) < 0xA0;
    if (character.size() != 3 || byte(0) != 0xE2)
        return false;
    const bool lineEndOrDirection = byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE;
    const bool mark = byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F);
    const bool isolate = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;
    return lineEndOrDirection || mark || isolate;
}

} // namespace detail

/// `text` in one line. Control characters and bytes that are not UTF-8 become "\x1B" and the like,
/// so that a label can neither forge lines of a log nor control a terminal.
inline std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const auto size = detail::characterSize(text);
        const auto character = text.substr(0, size == 0 ? 1 : size);
        if (size != 0 && !detail::steers(character))
            shown += character;
        else
            for (const char byte : character) {
                std::array<char, 5> escape{};
                std::snprintf(escape.data(), escape.size(), "\\x%02X",
                              static_cast<unsigned>(static_cast<unsigned char>(byte)));
                shown += escape.data();
            }
        text.remove_prefix(character.size());
    }
    return shown;
}

} // namespace p11::pkcs11
