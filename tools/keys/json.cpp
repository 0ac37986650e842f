// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/json.h"

#include "tools/keys/base64.h"
#include "tools/shared/error.h"

namespace p11::tools::json {
namespace {

[[noreturn]] void wrong(std::string_view what, const char* name, const char* expected) {
    throw Error(std::string(what) + ": \"" + name + "\" is not " + expected);
}

} // namespace

Json parse(std::string_view text, std::string_view what) {
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        // The message of the exception quotes the text, which may be secret.
        const auto end = error.byte > text.size();
        throw Error(std::string(what) + " is not JSON: " +
                    (end ? "it ends too early"
                         : "unexpected character at byte " + std::to_string(error.byte)));
    } catch (const Json::exception&) {
        throw Error(std::string(what) + " is not valid JSON");
    }
}

const Json* find(const Json& value, const char* name) {
    if (!value.is_object())
        return nullptr;
    const auto found = value.find(name);
    return found == value.end() || found->is_null() ? nullptr : &*found;
}

const Json& member(const Json& value, const char* name, std::string_view what) {
    if (!value.is_object())
        throw Error(std::string(what) + " is not a JSON object");
    if (const auto* found = find(value, name))
        return *found;
    throw Error(std::string(what) + " has no \"" + name + "\"");
}

std::string_view text(const Json& value, const char* name, std::string_view what) {
    const auto& found = member(value, name, what);
    if (!found.is_string())
        wrong(what, name, "a text");
    return found.get_ref<const SecretString&>();
}

std::uint64_t number(const Json& value, const char* name, std::string_view what) {
    const auto& found = member(value, name, what);
    if (!found.is_number_unsigned())
        wrong(what, name, "a whole number");
    return found.get<std::uint64_t>();
}

const Json& list(const Json& value, const char* name, std::string_view what) {
    const auto& found = member(value, name, what);
    if (!found.is_array())
        wrong(what, name, "a list");
    return found;
}

SecretBytes base64(const Json& value, const char* name, std::string_view what) {
    auto bytes = base64::decode(text(value, name, what));
    if (!bytes)
        wrong(what, name, "base64");
    return std::move(*bytes);
}

SecretBytes base64Url(const Json& value, const char* name, std::string_view what) {
    auto bytes = base64::decodeUrl(text(value, name, what));
    if (!bytes)
        wrong(what, name, "base64url");
    return std::move(*bytes);
}

} // namespace p11::tools::json
