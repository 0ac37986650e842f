// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/base64.h"

#include <algorithm>

#include <openssl/evp.h>

namespace p11::tools::base64 {
namespace {

// The characters of RFC 4648, section 5 in place of '+' and '/'.
void replace(SecretString& text, char from, char to) {
    std::replace(text.begin(), text.end(), from, to);
}

} // namespace

SecretString encode(ByteView bytes) {
    SecretString text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // and OpenSSL's NUL
    text.resize(
        static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                 bytes.data(), static_cast<int>(bytes.size()))));
    return text;
}

SecretString encodeUrl(ByteView bytes) {
    auto text = encode(bytes);
    text.resize(std::min(text.find('='), text.size()));
    replace(text, '+', '-');
    replace(text, '/', '_');
    return text;
}

std::optional<SecretBytes> decode(std::string_view text) {
    SecretBytes bytes(text.size() / 4 * 3);
    const int size =
        EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    if (size < 0 || padding > static_cast<std::size_t>(size))
        return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    // OpenSSL accepts blanks around the text, and any bits after its end.
    return std::string_view(encode(bytes)) == text ? std::optional(std::move(bytes)) : std::nullopt;
}

std::optional<SecretBytes> decodeUrl(std::string_view text) {
    SecretString padded(text);
    if (padded.find_first_of("+/=") != SecretString::npos)
        return std::nullopt;
    replace(padded, '-', '+');
    replace(padded, '_', '/');
    padded.append((4 - padded.size() % 4) % 4, '=');
    return decode(padded);
}

} // namespace p11::tools::base64
