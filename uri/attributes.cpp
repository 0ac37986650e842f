// SPDX-License-Identifier: Apache-2.0
#include "uri/attributes.h"

#include <algorithm>

namespace p11::uri {
namespace {

constexpr std::string_view vendorPrefix = "x-";

const Standard* findStandard(std::string_view name) {
    const auto* const found = std::ranges::find(standardAttributes, name, &Standard::name);
    return found == standardAttributes.end() ? nullptr : found;
}

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

// pk11-v-attr-nm-char of RFC 7512
bool isNameCharacter(char c) {
    return isDigit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

bool containsIgnoringCase(std::string_view text, std::string_view lowerCase) {
    const auto matches = [](char a, char b) { return lower(a) == b; };
    return std::search(text.begin(), text.end(), lowerCase.begin(), lowerCase.end(), matches) !=
           text.end();
}

void split(std::string_view component, Place place, char delimiter, Attributes& to) {
    if (component.empty())
        return;
    for (std::size_t number = 1;; ++number) {
        const auto end = component.find(delimiter);
        const auto part = component.substr(0, end);
        const auto equals = part.find('=');
        const bool hasEquals = equals != std::string_view::npos;
        const auto name = part.substr(0, equals);
        const auto value = hasEquals ? part.substr(equals + 1) : std::string_view{};
        to.push_back({place, number, name, value, hasEquals, findStandard(name)});
        if (end == std::string_view::npos)
            return;
        component.remove_prefix(end + 1);
    }
}

// Where a delimiter in a PIN isn't encoded, or its "=" is missing, what looks like a name is part
// of the PIN.
void decideWhatCanBeNamed(Attributes& attributes) {
    constexpr std::size_t longestNamed = 32;
    bool maybePin = false;
    for (auto& attribute : attributes) {
        const auto name = attribute.name;
        attribute.canBeNamed =
            attribute.standard != nullptr ||
            (!maybePin && attribute.hasEquals && !name.empty() && name.size() <= longestNamed &&
             std::ranges::all_of(name, isNameCharacter) && !containsIgnoringCase(name, "pin"));
        if (attribute.standard != nullptr)
            maybePin = name == pinValueName || name == contextPinValueName;
    }
}

} // namespace

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool isHexDigit(char c) {
    return isDigit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

bool isValueCharacter(char c) {
    constexpr char firstPrintable = ' ', del = 0x7f;
    const bool isControl = static_cast<unsigned char>(c) < firstPrintable || c == del;
    return !isControl && c != ';' && c != '#';
}

bool Attribute::isVendors() const {
    return name.size() > vendorPrefix.size() && name.starts_with(vendorPrefix) &&
           std::ranges::all_of(name, isNameCharacter);
}

Attributes attributesOf(std::string_view text) {
    const auto rest = text.substr(scheme.size());
    const auto question = rest.find('?');
    Attributes attributes;
    split(rest.substr(0, question), Place::path, ';', attributes);
    if (question != std::string_view::npos)
        split(rest.substr(question + 1), Place::query, '&', attributes);
    decideWhatCanBeNamed(attributes);
    return attributes;
}

} // namespace p11::uri
