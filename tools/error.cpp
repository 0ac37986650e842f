#include "tools/error.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <openssl/err.h>

namespace tools {

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
    // A file has something else than what is looked for; the details (OpenSSL 3.5) are where.
    if (isUnsupported(code, ERR_LIB_OSSL_STORE))
        return "";
    // What a provider that was loaded says is a whole sentence; OpenSSL's own details are not.
    if (ERR_GET_LIB(code) >= ERR_LIB_USER && !details.empty())
        return details;
    const auto reason = reasonOf(code);
    return reason.empty() || details.empty() ? reason + details : reason + ": " + details;
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
