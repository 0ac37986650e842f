#include "tools/uri_query.h"

#include <charconv>
#include <vector>

namespace tools {
namespace {

std::vector<std::string_view> queryOf(std::string_view uri) {
    std::vector<std::string_view> parts;
    const auto start = uri.find('?');
    if (start == std::string_view::npos)
        return parts;
    for (auto rest = uri.substr(start + 1); !rest.empty();) {
        const auto end = rest.find('&');
        parts.push_back(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return parts;
}

bool isNamed(std::string_view part, std::string_view attribute) {
    return part.starts_with(attribute) && part.substr(attribute.size()).starts_with('=');
}

std::string decoded(std::string_view text) {
    std::string all;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char value = 0;
        const auto* digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
            all += static_cast<char>(value);
            i += 2;
        } else {
            all += text[i];
        }
    }
    return all;
}

} // namespace

bool isKeyUri(std::string_view name) {
    return name.starts_with("pkcs11:") && name.find('=') != std::string_view::npos;
}

std::optional<std::string> queryAttribute(std::string_view uri, std::string_view attribute) {
    for (const auto part : queryOf(uri))
        if (isNamed(part, attribute))
            return decoded(part.substr(attribute.size() + 1));
    return std::nullopt;
}

std::string withoutModule(std::string_view uri) {
    std::string kept(uri.substr(0, uri.find('?')));
    char separator = '?';
    for (const auto part : queryOf(uri)) {
        if (isNamed(part, "module-name") || isNamed(part, "module-path"))
            continue;
        kept += separator;
        kept += part;
        separator = '&';
    }
    return kept;
}

} // namespace tools
