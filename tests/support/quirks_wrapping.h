// SPDX-License-Identifier: Apache-2.0
// Tokens whose CKM_AES_KEY_WRAP_PAD is not RFC 5649.
#pragma once

#include <p11-kit/pkcs11.h>

namespace test_module {

/// C_WrapKey and C_UnwrapKey, where the quirk `pkcs7-key-wrap` gives the mechanism PKCS#7's padding
/// before RFC 3394.
CK_RV wrapKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE wrapping,
              CK_OBJECT_HANDLE key, CK_BYTE* wrapped, CK_ULONG* size);
CK_RV unwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE unwrapping,
                CK_BYTE* wrapped, CK_ULONG size, CK_ATTRIBUTE* attributes, CK_ULONG count,
                CK_OBJECT_HANDLE* key);

} // namespace test_module
