// SPDX-License-Identifier: Apache-2.0
// What a search finds.
#pragma once

#include <memory>
#include <string>

#include "keymgmt/key.h"
#include "pkcs11/bytes.h"
#include "pkcs11/token.h"

namespace p11::store {

/// One result of a search: a key, a certificate, or the name of either.
struct Entry {
    std::string uri; ///< complete, without a PIN
    std::shared_ptr<keymgmt::Key> key = nullptr;
    pkcs11::Bytes certificate = {};       ///< DER, where key is null
    std::string description = {};         ///< of a name; may be empty
    const pkcs11::Token* token = nullptr; ///< null for a name, and for one of several tokens
    std::string label = {};
    pkcs11::Bytes id = {};
};

} // namespace p11::store
