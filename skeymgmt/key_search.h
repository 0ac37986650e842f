// SPDX-License-Identifier: Apache-2.0
// Secret keys that already exist on a token.
#pragma once

#include <memory>

#include "pkcs11/cryptoki.h"
#include "skeymgmt/secret_key.h"
#include "uri/uri.h"

namespace p11::skeymgmt {

/// Which keys somebody wants, and how a token makes them.
struct KeyKind {
    const char* name; ///< for messages
    bool (*has)(CK_KEY_TYPE type);
    CK_KEY_TYPE made;
    CK_MECHANISM_TYPE generation;
};

constexpr bool isAes(CK_KEY_TYPE type) {
    return type == CKK_AES;
}
constexpr bool isGeneric(CK_KEY_TYPE type) {
    return type == CKK_GENERIC_SECRET || type == CKK_HKDF;
}
inline constexpr KeyKind aesKeys{"AES key", isAes, CKK_AES, CKM_AES_KEY_GEN};
inline constexpr KeyKind genericKeys{"generic secret", isGeneric, CKK_GENERIC_SECRET,
                                     CKM_GENERIC_SECRET_KEY_GEN};
/// For what takes both; not for new keys.
inline constexpr KeyKind secretKeys{
    "secret key", [](CK_KEY_TYPE type) { return isAes(type) || isGeneric(type); }, 0, 0};

/// The one key of `kind` that `uri` names, after a login if it is invisible without. Throws
/// pkcs11::Error if no key fits, or if several do.
std::shared_ptr<SecretKey> findKey(ossl::ProviderContext& provider, const uri::Uri& uri,
                                   const KeyKind& kind);

/// The key that was found or made at `handle` for `uri`; null if it is of another kind. Reads its
/// attributes.
std::shared_ptr<SecretKey> keyAt(ossl::ProviderContext& provider, const uri::Uri& uri,
                                 const KeyKind& kind,
                                 const std::shared_ptr<pkcs11::SessionPool>& pool,
                                 pkcs11::Session& session, CK_OBJECT_HANDLE handle);

} // namespace p11::skeymgmt
