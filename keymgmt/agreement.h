// Key agreement by an EC key on a token (PKCS#11 2.40, section 2.3.8).
#pragma once

#include <span>

#include "keymgmt/key.h"

namespace keymgmt {

/// Fills `out`, which has the size of a coordinate, with the secret shared by the private `key` and
/// the uncompressed `point`. Throws.
void agree(const Key& key, CK_MECHANISM_TYPE mechanism, std::span<const unsigned char> point,
           std::span<unsigned char> out);

/// The same with what was found at `handle` in place of the key's `object`, in a session at hand.
void agreeIn(pkcs11::Session& session, CK_OBJECT_HANDLE handle, const Key& key,
             const pkcs11::TokenObject& object, std::span<const unsigned char> point,
             std::span<unsigned char> out);

} // namespace keymgmt
