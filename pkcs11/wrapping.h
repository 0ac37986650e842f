// SPDX-License-Identifier: Apache-2.0
// Bytes that are wrapped as the value of a key (C_WrapKey, C_UnwrapKey), for tokens that offer a
// mechanism for keys only. The keys are session objects, which are destroyed again.
#pragma once

#include "pkcs11/bytes.h"
#include "pkcs11/object.h"

namespace p11::pkcs11 {

/// C_CreateObject of a generic secret with the value `data`, C_WrapKey and C_DestroyObject. Returns
/// the size of the result. Throws Error.
std::size_t wrap(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data, MutableBytes out);

/// C_UnwrapKey to a generic secret, C_GetAttributeValue and C_DestroyObject. Returns the size of
/// the result. `wrapped` may be a stranger's, so after an answer that it may have caused nothing is
/// repeated. Throws Error.
std::size_t unwrap(TokenObject& key, const CK_MECHANISM& mechanism, ByteView wrapped,
                   MutableBytes out);

} // namespace p11::pkcs11
