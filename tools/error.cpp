#include "tools/error.h"

#include <algorithm>
#include <string_view>

#include <openssl/err.h>

namespace tools {

std::string opensslReasons() {
    std::string all;
    const char* data = nullptr;
    int flags = 0;
    while (const auto code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        const bool hasText = (flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0';
        const char* reason = ERR_reason_error_string(code);
        std::string text = hasText ? data : (reason != nullptr ? reason : "");
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
    constexpr std::string_view name = "pin-value=";
    std::string shown = uri;
    for (auto at = shown.find(name); at != std::string::npos; at = shown.find(name)) {
        // In the path, & belongs to the value; showing too little is the safe side.
        const bool inQuery = shown.find('?') < at;
        const auto end = shown.find_first_of(inQuery ? "&" : ";?", at);
        if (end == std::string::npos)
            shown.erase(at > 0 ? at - 1 : at);
        else if (at > 0 && shown[at - 1] == '?')
            shown.erase(at, end - at + 1);
        else
            shown.erase(at > 0 ? at - 1 : at, end - at + (at > 0 ? 1 : 0));
    }
    return shown;
}

} // namespace tools
