// SPDX-License-Identifier: Apache-2.0
// AES keys that are made on a token, or brought to it.
#pragma once

#include <memory>

#include "skeymgmt/secret_key.h"
#include "uri/uri.h"

namespace skeymgmt {

/// Where the key goes, and what it is.
struct NewKey {
    /// One token fits it. With object= or id= the key stays on the token; without it is a session
    /// object, which goes with its last EVP_SKEY.
    const uri::Uri& uri;
    std::size_t size = 0;                      ///< bytes: 16, 24 or 32
    std::span<const unsigned char> value = {}; ///< empty: the token makes the key (C_GenerateKey)
};

/// A key that is sensitive and not extractable, and encrypts and decrypts. It is given a random
/// CKA_ID where the URI has none. Throws pkcs11::Error, also where such a key is there already.
std::shared_ptr<SecretKey> makeKey(ossl::Context& provider, const NewKey& wanted);

} // namespace skeymgmt
