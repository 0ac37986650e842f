// Secrets that a key on the token derives, and that the host gets to see.
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

} // namespace pkcs11
