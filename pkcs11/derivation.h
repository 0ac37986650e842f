// SPDX-License-Identifier: Apache-2.0
// Secrets that a key on the token derives or decapsulates, and that the host gets to see.
#pragma once

#include <span>

#include "pkcs11/object.h"

namespace pkcs11 {

/// The secret that `mechanism` derives with `key`: C_DeriveKey, which makes a key of the session's,
/// C_GetAttributeValue, and C_DestroyObject. It is asked for with the size of `out`, which takes
/// it; returns the size that the token gave, for some leave leading zeros out. Throws Error.
std::size_t derive(TokenObject& key, const CK_MECHANISM& mechanism, std::span<unsigned char> out);

/// The same with what was found at `handle` in place of `key`, in a session at hand.
std::size_t deriveIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                     CK_MECHANISM mechanism, std::span<unsigned char> out);

/// The secret in an ML-KEM `ciphertext` for `key`: as derive(), with C_DecapsulateKey (PKCS#11
/// 3.2). Throws Error; CKR_FUNCTION_NOT_SUPPORTED where the module is older.
std::size_t decapsulate(TokenObject& key, std::span<const unsigned char> ciphertext,
                        std::span<unsigned char> out);

/// The same with what was found at `handle` in place of `key`, in a session at hand.
std::size_t decapsulateIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                          std::span<const unsigned char> ciphertext, std::span<unsigned char> out);

} // namespace pkcs11
