// SPDX-License-Identifier: Apache-2.0
// Tokens that insist on attributes in the template of a derived key.
#pragma once

#include <p11-kit/pkcs11.h>

namespace test_module {

/// C_DeriveKey, where the quirks let the template pass.
CK_RV deriveAsWanted(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE base,
                     CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* key);

} // namespace test_module
