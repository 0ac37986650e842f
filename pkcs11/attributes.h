// SPDX-License-Identifier: Apache-2.0
// Attribute values from a token. Every length is checked before it is used.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pkcs11/bytes.h"
#include "pkcs11/cryptoki.h"
#include "pkcs11/session_pool.h"

namespace p11::pkcs11 {

/// Values of an object. Attributes that the token does not have or does not give are absent.
class Attributes {
  public:
    void set(CK_ATTRIBUTE_TYPE type, Bytes value);
    /// Null if absent. Valid until the next set().
    const Bytes* find(CK_ATTRIBUTE_TYPE type) const;
    bool has(CK_ATTRIBUTE_TYPE type) const { return find(type) != nullptr; }

    /// Empty if absent.
    Bytes bytes(CK_ATTRIBUTE_TYPE type) const;
    /// Without the NULs that some modules append.
    std::string text(CK_ATTRIBUTE_TYPE type) const;
    /// Also absent if the size is not that of a CK_ULONG.
    std::optional<CK_ULONG> number(CK_ATTRIBUTE_TYPE type) const;
    /// `fallback` if absent.
    bool flag(CK_ATTRIBUTE_TYPE type, bool fallback) const;
    /// CKA_ALLOWED_MECHANISMS: an array of CK_ULONG. Empty if absent or malformed.
    std::vector<CK_MECHANISM_TYPE> mechanisms(CK_ATTRIBUTE_TYPE type) const;
    /// True if that array is empty or contains `mechanism`.
    bool allow(CK_MECHANISM_TYPE mechanism) const;

  private:
    std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>> values_;
};

/// Reads `types` of `object` in one C_GetAttributeValue. A second call follows only if a value is
/// longer than expected. One call for each attribute follows only if the token refuses the whole
/// list. Throws Error.
Attributes readAttributes(Session& session, CK_OBJECT_HANDLE object,
                          std::span<const CK_ATTRIBUTE_TYPE> types);

} // namespace p11::pkcs11
