// SPDX-License-Identifier: Apache-2.0
// New secret keys on a token: generated there, or stored.
#pragma once

#include <memory>

#include "pkcs11/bytes.h"
#include "skeymgmt/key_search.h"
#include "skeymgmt/secret_key.h"
#include "uri/uri.h"

namespace p11::skeymgmt {

/// What a new key may do. Whoever may use a key that unwraps and decrypts can read any key that it
/// wraps, so only one of them is the default.
struct KeyUsage {
    bool encrypt = false; ///< CKA_ENCRYPT and CKA_DECRYPT
    bool wrap = false;    ///< CKA_WRAP and CKA_UNWRAP
    bool derive = false;  ///< CKA_DERIVE
};

/// The destination and type of a new key.
struct NewKey {
    /// Exactly one token fits it. With object= or id= the key stays on the token. Otherwise it is a
    /// session object, which ends with its last EVP_SKEY.
    const uri::Uri& uri;
    const KeyKind& kind = aesKeys;
    std::size_t size = 0;        ///< bytes; of an AES key 16, 24 or 32
    pkcs11::ByteView value = {}; ///< empty: the token makes the key (C_GenerateKey)
    KeyUsage usage = {.encrypt = true};
};

/// Makes a key that is sensitive and not extractable. If the URI has no id,
/// it gets a random CKA_ID. Throws pkcs11::Error, also if such a key exists.
std::shared_ptr<SecretKey> makeKey(ossl::ProviderContext& provider, const NewKey& wanted);

} // namespace p11::skeymgmt
