// SPDX-License-Identifier: Apache-2.0
// JSON with texts that are wiped, and functions that name what is missing or wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tools/shared/bytes.h"

namespace p11::tools {

using Json = nlohmann::basic_json<std::map, std::vector, SecretString>;

namespace json {

/// Throws Error, which names `what` and the place but quotes nothing of the text.
Json parse(std::string_view text, std::string_view what);

/// The member `name` of the object `value`. Each throws Error, naming `what` and the member, if
/// it is absent or of another type.
const Json& member(const Json& value, const char* name, std::string_view what);
std::string_view text(const Json& value, const char* name, std::string_view what);
std::uint64_t number(const Json& value, const char* name, std::string_view what);
const Json& list(const Json& value, const char* name, std::string_view what);
SecretBytes base64(const Json& value, const char* name, std::string_view what);
SecretBytes base64Url(const Json& value, const char* name, std::string_view what);

/// The member `name`; nullptr if it is absent or null, or if `value` is not an object.
const Json* find(const Json& value, const char* name);

} // namespace json
} // namespace p11::tools
