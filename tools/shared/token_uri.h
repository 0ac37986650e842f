// SPDX-License-Identifier: Apache-2.0
// pkcs11: URIs among the names that users give to keys.
#pragma once

#include <string_view>

#include "uri/uri.h"

namespace p11::tools {

/// True if `name` is a URI, and not the path of a file. "pkcs11:key.pem", as skopeo's users write,
/// is a path with a prefix, because every URI attribute has a "=".
bool isKeyUri(std::string_view name);

/// Throws KeyError, which says what is wrong but quotes no value.
uri::Uri parseUri(std::string_view text);

} // namespace p11::tools
