// SPDX-License-Identifier: Apache-2.0
// Signatures in other forms than PKCS#11's.
#pragma once

#include <p11-kit/pkcs11.h>

namespace test_module {

/// Changes the `size` bytes that C_Sign has made with `mechanism`, as the quirks say. The new form
/// is never longer but for DER, for which `signature` must have room.
void changeForm(CK_MECHANISM_TYPE mechanism, CK_BYTE* signature, CK_ULONG& size);

} // namespace test_module
