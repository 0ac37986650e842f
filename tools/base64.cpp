#include "tools/base64.h"

#include <array>
#include <cstdint>

namespace tools::base64 {
namespace {

constexpr std::string_view standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view forUrls =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

SecretString encodeWith(std::string_view alphabet, bool padded, View bytes) {
    SecretString text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto group = bytes.subspan(at, std::min<std::size_t>(3, bytes.size() - at));
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < group.size() ? group[i] : 0u);
        for (std::size_t i = 0; i < 4; ++i) {
            if (i <= group.size())
                text += alphabet[bits >> (18 - 6 * i) & 63];
            else if (padded)
                text += '=';
        }
    }
    return text;
}

constexpr std::array<signed char, 256> valuesOf(std::string_view alphabet) {
    std::array<signed char, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<signed char>(i);
    return values;
}

constexpr auto standardValues = valuesOf(standard);
constexpr auto urlValues = valuesOf(forUrls);

// `text` has no padding any more.
std::optional<SecretBytes> decodeWith(const std::array<signed char, 256>& values,
                                      std::string_view text) {
    if (text.size() % 4 == 1)
        return std::nullopt;
    SecretBytes bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const auto value = values[static_cast<unsigned char>(c)];
        if (value < 0)
            return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<unsigned char>(bits >> held));
            bits &= (1u << held) - 1;
        }
    }
    return bits == 0 ? std::optional(std::move(bytes)) : std::nullopt;
}

} // namespace

SecretString encode(View bytes) {
    return encodeWith(standard, true, bytes);
}

SecretString encodeUrl(View bytes) {
    return encodeWith(forUrls, false, bytes);
}

std::optional<SecretBytes> decode(std::string_view text) {
    if (text.size() % 4 != 0)
        return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i)
        text.remove_suffix(1);
    return decodeWith(standardValues, text);
}

std::optional<SecretBytes> decodeUrl(std::string_view text) {
    return decodeWith(urlValues, text);
}

} // namespace tools::base64
