// SPDX-License-Identifier: Apache-2.0
// pkcs11-objects list and show: what is on tokens.
#pragma once

#include <string>

namespace p11::tools::objects {

struct ListRequest {
    std::string uri = "pkcs11:"; ///< all tokens
    bool login = false;          ///< also where the URI has no PIN
    bool json = false;
    bool urisOnly = false;
};

/// A line for each object that fits, in columns that fit the terminal. Without objects: "", or for
/// JSON an empty list. Throws an exception if no token fits.
std::string list(const ListRequest& request);

/// All attributes of each object that fits, in words. Throws also if no object fits.
std::string show(const ListRequest& request);

} // namespace p11::tools::objects
