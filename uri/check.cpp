// SPDX-License-Identifier: Apache-2.0
#include "uri/check.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <span>
#include <string>

#include "uri/error.h"
#include "uri/p11kit.h"

namespace p11::uri {
namespace {

constexpr std::size_t longestUri = 64 * 1024;
constexpr std::array<std::string_view, 5> types{"private", "public", "cert", "secret-key", "data"};
constexpr std::array<std::string_view, 2> keyTypes{"RSA", "RSA-PSS"};
constexpr std::array<std::string_view, 3> replicaModes{"off", "failover", "balance"};

// Values are never quoted: one that swallowed a delimiter may hold the PIN.
[[noreturn]] void fail(const Attribute& attribute, const std::string& reason) {
    const std::string component = attribute.place == Place::path ? "path" : "query";
    const std::string subject =
        attribute.canBeNamed
            ? "\"" + std::string(attribute.name) + "\""
            : "number " + std::to_string(attribute.number) + " of the " + component;
    throw Error("attribute " + subject + " " + reason);
}

// `place` is path or query.
bool belongsIn(Place place, const Standard& standard) {
    const bool inQuery = standard.place == Place::query ||
                         standard.place == Place::queryForContextPin ||
                         standard.place == Place::ownQuery;
    return standard.place == Place::eitherForPin || inQuery == (place == Place::query);
}

std::string namesFor(Place place) {
    std::string names;
    for (const auto& standard : standardAttributes)
        if (belongsIn(place, standard))
            names.append(standard.name).append(", ");
    return names;
}

[[noreturn]] void failAsUnknown(const Attribute& attribute) {
    fail(attribute, "is unknown; there are " + namesFor(attribute.place) +
                        "and vendor attributes, which begin with \"x-\"");
}

void checkName(const Attribute& attribute) {
    if (!attribute.hasEquals && attribute.name.empty())
        fail(attribute, "is empty: a delimiter is doubled, or at an end");
    if (!attribute.hasEquals)
        fail(attribute, "has no \"=\"");
    if (attribute.name.empty())
        fail(attribute, "has no name");
    if (attribute.standard == nullptr && !attribute.isVendors())
        failAsUnknown(attribute);
}

void checkPlace(const Attribute& attribute) {
    if (attribute.standard == nullptr || belongsIn(attribute.place, *attribute.standard))
        return;
    if (attribute.place == Place::path)
        fail(attribute, "belongs in the query, after a \"?\"");
    fail(attribute, "belongs in the path, before the \"?\"");
}

// p11-kit refuses bad encodings by itself, but frees what it has decoded by then without wiping it.
void checkCharacters(const Attribute& attribute) {
    const auto value = attribute.value;
    if (!std::ranges::all_of(value, isValueCharacter))
        fail(attribute, "has a character that must be percent-encoded "
                        "(\";\" is %3B, \"#\" is %23, a tab is %09)");
    for (auto at = value.find('%'); at != std::string_view::npos; at = value.find('%', at + 1))
        if (at + 2 >= value.size() || !isHexDigit(value[at + 1]) || !isHexDigit(value[at + 2]))
            fail(attribute, "has a bad percent-encoding: \"%\" needs two hexadecimal digits");
}

// "token=T&object=K", as in the query of a web address. The value of a path attribute may have an
// "&", but hardly one before the name of another.
void checkDelimiter(const Attribute& attribute) {
    if (attribute.place != Place::path)
        return;
    for (auto at = attribute.value.find('&'); at != std::string_view::npos;
         at = attribute.value.find('&', at + 1)) {
        const auto rest = attribute.value.substr(at + 1);
        for (const auto& standard : standardAttributes)
            if (rest.starts_with(standard.name) &&
                rest.substr(standard.name.size()).starts_with('='))
                fail(attribute, "is followed by \"&" + std::string(standard.name) +
                                    "=\": attributes of the path are separated by \";\" (an "
                                    "\"&\" in a value is %26)");
    }
}

template <typename Number>
bool isNumberUpTo(std::string_view text, Number largest) {
    Number number{};
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stop == end && number <= largest;
}

// p11-kit takes "" for 0; 0.24 wraps large numbers around, and 0.25 stops at LONG_MAX.
void checkSlotId(const Attribute& attribute, std::string_view value) {
    constexpr CK_SLOT_ID largest = std::numeric_limits<long>::max();
    if (!isNumberUpTo(value, largest))
        fail(attribute, "is not a decimal number, or is too large");
}

// p11-kit wraps large numbers around here, too, and has 255 for "not given".
void checkVersion(const Attribute& attribute, std::string_view value) {
    constexpr unsigned largest = 254;
    const auto dot = value.find('.');
    const bool minorIsGood =
        dot == std::string_view::npos || isNumberUpTo(value.substr(dot + 1), largest);
    if (!isNumberUpTo(value.substr(0, dot), largest) || !minorIsGood)
        fail(attribute, "must be a number, or two numbers separated by a dot, from 0 to 254");
}

// p11-kit marks a URI with an unknown type so that it matches nothing.
void checkOneOf(std::span<const std::string_view> known, const Attribute& attribute,
                std::string_view value) {
    if (std::ranges::find(known, value) != known.end())
        return;
    std::string names;
    for (const auto name : known)
        names.append(names.empty() ? "" : ", ").append(name);
    fail(attribute, "is not one of " + names);
}

void checkValue(const Attribute& attribute) {
    const Decoded decoded(attribute.value);
    const auto value = decoded.bytes();
    const auto& standard = *attribute.standard;
    if (value.size() > standard.longest)
        fail(attribute, "is too long: at most " + std::to_string(standard.longest) + " bytes");
    if (standard.kind != Kind::bytes && value.find('\0') != std::string_view::npos)
        fail(attribute, "has a NUL byte");
    if (standard.kind == Kind::slotId)
        checkSlotId(attribute, value);
    if (standard.kind == Kind::version)
        checkVersion(attribute, value);
    if (standard.kind == Kind::type)
        checkOneOf(types, attribute, value);
    if (standard.kind == Kind::keyType)
        checkOneOf(keyTypes, attribute, value);
    if (standard.kind == Kind::replicas)
        checkOneOf(replicaModes, attribute, value);
}

void checkExclusion(const std::set<std::string_view>& seen, std::string_view value,
                    std::string_view source) {
    if (seen.contains(value) && seen.contains(source))
        throw Error("attributes \"" + std::string(value) + "\" and \"" + std::string(source) +
                    "\" exclude each other");
}

// RFC 7512, section 2.3, lets vendor attributes be repeated, though in the query only.
bool mayBeRepeated(const Attribute& attribute) {
    return attribute.standard == nullptr && attribute.place == Place::query;
}

} // namespace

void checkFrame(std::string_view text) {
    if (text.size() > longestUri)
        throw Error("the URI is longer than " + std::to_string(longestUri) + " bytes");
    if (!std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, lower))
        throw Error("the URI does not begin with \"pkcs11:\"");
    if (text.substr(scheme.size()).starts_with("//"))
        throw Error("a URI of keys has no host: write \"pkcs11:\" in place of \"pkcs11://\"");
}

void checkAll(const Attributes& attributes) {
    std::set<std::string_view> seen;
    for (const auto& attribute : attributes) {
        checkName(attribute);
        checkPlace(attribute);
        if (!seen.insert(attribute.name).second && !mayBeRepeated(attribute))
            fail(attribute, "is given twice");
        checkCharacters(attribute);
        checkDelimiter(attribute);
        if (attribute.standard != nullptr)
            checkValue(attribute);
    }
    checkExclusion(seen, typeName, oldTypeName);
    checkExclusion(seen, pinValueName, pinSourceName);
    checkExclusion(seen, contextPinValueName, contextPinSourceName);
}

} // namespace p11::uri
