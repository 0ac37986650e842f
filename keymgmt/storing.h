// SPDX-License-Identifier: Apache-2.0
// EVP_PKEY_fromdata(3) with pkcs11_uri: the pair is stored on that token.
#pragma once

#include <memory>

#include "keymgmt/key.h"

namespace p11::keymgmt {

/// The stored pair, of the type of `key`, which is empty. Throws UsageError if the parameters are
/// not those of a key pair, and as storePair() (keymgmt/new_pair.h).
std::shared_ptr<Key> storeOnToken(const Key& key, int selection, const OSSL_PARAM* params);

} // namespace p11::keymgmt
