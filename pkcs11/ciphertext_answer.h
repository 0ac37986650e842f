// SPDX-License-Identifier: Apache-2.0
// What a function that decrypts may answer.
#pragma once

#include "pkcs11/constant_time.h"
#include "pkcs11/cryptoki.h"

namespace p11::pkcs11 {

/// True for answers that cannot depend on the ciphertext, and for the one that leaves the operation
/// active. Nothing here distinguishes the others from each other, or from CKR_OK.
inline bool isApartFromData(CK_RV rv) {
    constant_time::Mask found = 0;
    for (const CK_RV apart :
         {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN,
          CKR_CRYPTOKI_NOT_INITIALIZED, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_HOST_MEMORY,
          CKR_BUFFER_TOO_SMALL})
        found |= constant_time::isEqual(rv, apart);
    return constant_time::declassify(found);
}

} // namespace p11::pkcs11
