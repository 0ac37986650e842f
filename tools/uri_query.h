// The few attributes of a pkcs11: URI's query that name a module. All else is the provider's
// matter.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tools {

/// Is it a URI, and not the path of a file? "pkcs11:key.pem", as skopeo's users write, is a path
/// behind a prefix: no URI attribute is without "=".
bool isKeyUri(std::string_view name);

/// The percent-decoded value, or nullopt if there is none.
std::optional<std::string> queryAttribute(std::string_view uri, std::string_view attribute);

/// `uri` without module-name and module-path.
std::string withoutModule(std::string_view uri);

} // namespace tools
