// SPDX-License-Identifier: Apache-2.0
#include "tools/inspection/uri_parts.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "ossl/words.h"

namespace p11::tools::inspection {
namespace {

constexpr std::string_view scheme = "pkcs11:";

bool isOfObject(std::string_view part) {
    constexpr std::array<std::string_view, 3> names{"object=", "id=", "type="};
    return std::any_of(names.begin(), names.end(),
                       [part](std::string_view name) { return part.starts_with(name); });
}

bool isOfModule(std::string_view part) {
    return part.starts_with("module-name=") || part.starts_with("module-path=");
}

void split(std::string_view text, char separator, std::vector<std::string>& parts) {
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        if (end > 0)
            parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

} // namespace

std::vector<std::string> tokenParts(const uri::Uri& uri) {
    const auto text = uri.withoutPin();
    const std::string_view rest = std::string_view(text).substr(scheme.size());
    const auto query = std::min(rest.find('?'), rest.size());
    std::vector<std::string> path;
    std::vector<std::string> others;
    split(rest.substr(0, query), ';', path);
    split(rest.substr(std::min(query + 1, rest.size())), '&', others);
    std::erase_if(path, isOfObject);
    for (auto& part : others)
        if (isOfModule(part))
            path.push_back(std::move(part));
    return path;
}

std::string uriOfPart(const std::string& part) {
    return std::string(scheme) + (isOfModule(part) ? "?" : "") + part;
}

std::string nearestValue(const std::string& part, const std::vector<SeenToken>& tokens) {
    const auto name = part.substr(0, part.find('=') + 1);
    std::vector<std::string> values;
    for (const auto& seen : tokens) {
        const auto text = uri::format({&seen.info, std::nullopt, "", {}});
        split(std::string_view(text).substr(scheme.size()), ';', values);
    }
    std::erase_if(values, [&name](const auto& value) { return !value.starts_with(name); });
    return ossl::nearest(part, values);
}

} // namespace p11::tools::inspection
