// SPDX-License-Identifier: Apache-2.0
// Secrets that a key on the token derives or decapsulates, and that the host reads.
#pragma once

#include <span>

#include "pkcs11/bytes.h"
#include "pkcs11/object.h"

namespace p11::pkcs11 {

/// The secret that `mechanism` derives with `key`: C_DeriveKey, which makes a session object,
/// C_GetAttributeValue, and C_DestroyObject. It is requested with the size of `out`. Returns the
/// size that the token gave, because some tokens omit leading zeros. Throws Error.
std::size_t derive(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out);

/// The same with the object at `handle` instead of `key`, in an open session: a proof that a public
/// key belongs to it.
std::size_t deriveIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                     CK_MECHANISM mechanism, MutableBytes out);

/// The same for a secret whose size nothing but the request fixes (HKDF): the token is always told
/// the size. The caller compares the result with it.
std::size_t deriveOfSize(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out);

/// The same, but the result is the value of a data object (CKM_HKDF_DATA).
std::size_t deriveData(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out);

/// The value of the session object `secret`, which `key` has made, and which is destroyed. Returns
/// its size. Throws Error.
std::size_t takeSecret(Session& session, CK_OBJECT_HANDLE secret, const TokenObject& key,
                       MutableBytes out);

/// The secret in an ML-KEM `ciphertext` for `key`: as derive(), but with C_DecapsulateKey (PKCS#11
/// 3.2). Throws Error, with CKR_FUNCTION_NOT_SUPPORTED if the module is older.
std::size_t decapsulate(TokenObject& key, ByteView ciphertext, MutableBytes out);

/// The same with the object at `handle` instead of `key`, in an open session: a proof that a public
/// key belongs to it.
std::size_t decapsulateIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                          ByteView ciphertext, MutableBytes out);

} // namespace p11::pkcs11
