// SPDX-License-Identifier: Apache-2.0
// Copies of keys, and of parts of them (EVP_PKEY_dup(3)).
#pragma once

#include <memory>

#include "keymgmt/key.h"

namespace p11::keymgmt {

/// A copy of the selected parts of a key in memory. Null if the other provider makes none.
std::shared_ptr<Key> copyInMemory(const Key& key, int selection);

/// The same of a key on a token: the key itself if the private half is selected, or a public key
/// in memory. Null where OpenSSL's own providers make no copy. Throws pkcs11::Error, UsageError.
std::shared_ptr<Key> copyFromToken(const std::shared_ptr<Key>& key, int selection);

} // namespace p11::keymgmt
