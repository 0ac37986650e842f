// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/error.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include <openssl/err.h>

#include "pkcs11/printable.h"

namespace p11::tools {

namespace {

bool isUnsupported(unsigned long code, int library) {
    return ERR_GET_LIB(code) == library && ERR_GET_REASON(code) == ERR_R_UNSUPPORTED;
}

std::string reasonOf(unsigned long code) {
    if (ERR_SYSTEM_ERROR(code))
        return std::strerror(ERR_GET_REASON(code));
    if (isUnsupported(code, ERR_LIB_OSSL_DECODER)) // its details say it better
        return "";
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "";
}

std::string textOf(unsigned long code, const std::string& details) {
    // The file does not have what is looked for. OpenSSL 3.5 adds where it looked.
    if (isUnsupported(code, ERR_LIB_OSSL_STORE))
        return "";
    // The texts of loaded providers are whole sentences. OpenSSL's own details are not.
    if (ERR_GET_LIB(code) >= ERR_LIB_USER && !details.empty())
        return details;
    const auto reason = reasonOf(code);
    return reason.empty() || details.empty() ? reason + details : reason + ": " + details;
}

bool isOfName(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '%' ||
           c == '.';
}

// "PIN-VALUE" and "pin_value" as "pinvalue".
std::string lettersOf(std::string_view name) {
    std::string letters;
    for (const char c : name)
        if (std::isalpha(static_cast<unsigned char>(c)) != 0)
            letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return letters;
}

// True if `name` may be meant for pin-value, and has a value. `name` is the longest word there, and
// `rest` the text after it.
bool isPin(std::string_view name, std::string_view rest) {
    const auto letters = lettersOf(name);
    const auto hasEncodedEquals = name.find("%3D") != name.npos || name.find("%3d") != name.npos;
    const bool hasColon = rest.size() > 1 && rest[0] == ':' && rest[1] != ' ';
    return letters.find("pin") != letters.npos && name != "pin-source" &&
           (rest.starts_with('=') || hasColon || hasEncodedEquals);
}

// The position at or after `from` where the name of a PIN begins.
std::size_t findPin(std::string_view text, std::size_t from) {
    while (from < text.size()) {
        const auto* const begin = std::find_if(text.begin() + from, text.end(), isOfName);
        const auto* const end = std::find_if_not(begin, text.end(), isOfName);
        const auto at = static_cast<std::size_t>(begin - text.begin());
        const auto size = static_cast<std::size_t>(end - begin);
        if (isPin(text.substr(at, size), text.substr(at + size)))
            return at;
        from = at + size;
    }
    return std::string_view::npos;
}

} // namespace

std::string opensslReasons() {
    std::string all;
    const char* data = nullptr;
    int flags = 0;
    while (const auto code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        const bool hasText = (flags & ERR_TXT_STRING) != 0 && data != nullptr;
        std::string text = textOf(code, hasText ? data : "");
        std::replace(text.begin(), text.end(), '\n', ' ');
        text = withoutPin(text); // OpenSSL names the URI that it could not open
        if (text.empty() || all.find(text) != std::string::npos)
            continue;
        all += (all.empty() ? "" : "; ") + text;
    }
    return all;
}

std::string withReasons(const std::string& what) {
    const auto reasons = opensslReasons();
    return reasons.empty() ? what : what + ": " + reasons;
}

std::string withoutPin(const std::string& uri) {
    std::string shown = uri;
    for (auto at = findPin(shown, 0); at != std::string::npos; at = findPin(shown, at)) {
        // In the path, & belongs to the value. Showing too little is safe.
        const bool inQuery = shown.find('?') < at;
        const auto end = shown.find_first_of(inQuery ? "&" : ";?", at);
        const auto begin = at > 0 ? at - 1 : at;
        if (end == std::string::npos)
            shown.erase(begin);
        else if (at > 0 && shown[begin] == '?')
            shown.erase(at, end - at + 1);
        else
            shown.erase(begin, end - begin);
        at = begin;
    }
    return shown;
}

std::string message(const std::string& text) {
    return pkcs11::printable(withoutPin(text));
}

} // namespace p11::tools
