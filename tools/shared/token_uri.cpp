// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/token_uri.h"

#include "tools/shared/error.h"

namespace p11::tools {

bool isKeyUri(std::string_view name) {
    return name.starts_with("pkcs11:") && name.find('=') != std::string_view::npos;
}

uri::Uri parseUri(std::string_view text) {
    try {
        return uri::Uri::parse(text);
    } catch (const uri::Error& error) {
        throw KeyError(std::string("the URI cannot be used: ") + error.what());
    }
}

} // namespace p11::tools
