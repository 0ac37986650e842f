// SPDX-License-Identifier: Apache-2.0
// A key as a user's program gets it: from pkcs11.so, through OpenSSL's store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ossl/core.h"
#include "ossl/handles.h"
#include "uri/uri.h"

namespace p11::tools::doctor {

struct LoadedKey {
    std::vector<ossl::Pkey> keys;       ///< that fit the URI
    std::string reasons;                ///< OpenSSL's, if something failed
    std::optional<ossl::Reason> reason; ///< the provider's code for it

    bool loginFailed() const;
};

/// Opens `text`, which is `uri`, and asks at the terminal for a PIN that it lacks. A private key,
/// or what the URI's type says.
LoadedKey loadKey(OSSL_LIB_CTX* library, const std::string& text, const uri::Uri& uri);

} // namespace p11::tools::doctor
