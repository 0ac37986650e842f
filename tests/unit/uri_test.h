// SPDX-License-Identifier: Apache-2.0
// What the tests of uri/ have in common.
#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "uri/uri.h"

namespace uri_test {

using p11::uri::Uri;

// The message of the Error that `text` gets, or "" if it gets none.
inline std::string refusal(std::string_view text) {
    try {
        Uri::parse(text);
    } catch (const p11::uri::Error& error) {
        return error.what();
    }
    return "";
}

template <std::size_t N>
void setField(unsigned char (&field)[N], std::string_view text, unsigned char padding = ' ') {
    std::fill(std::begin(field), std::end(field), padding);
    std::copy_n(text.begin(), std::min(text.size(), N), field);
}

inline CK_TOKEN_INFO tokenInfo(std::string_view label, unsigned char padding = ' ') {
    CK_TOKEN_INFO info{};
    setField(info.label, label, padding);
    setField(info.manufacturerID, "SoftHSM project", padding);
    setField(info.model, "SoftHSM v2", padding);
    setField(info.serialNumber, "0123456789abcdef", padding);
    return info;
}

inline std::vector<unsigned char> bytes(std::string_view text) {
    return {text.begin(), text.end()};
}

inline bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// Random fields and places, the same in each run.
class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }
    char byte() { return static_cast<char>(below(256)); }
    std::string text(std::size_t longest, bool withNul) {
        static const std::array<std::string, 9> special{
            ";", "%", "/", "&", "?", "=", " ", "\xc3\xa9", "\xf0\x9f\x94\x91"};
        std::string result;
        for (auto left = below(longest + 1); left > 0; --left) {
            const char any = byte();
            result += any == '\0' && !withNul ? "0" : std::string(1, any);
            if (below(3) == 0)
                result += special[below(special.size())];
        }
        return result.substr(0, longest);
    }

  private:
    std::mt19937 engine_;
};

} // namespace uri_test
