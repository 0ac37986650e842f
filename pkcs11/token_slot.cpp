// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/token_slot.h"

#include "pkcs11/cryptoki.h"

namespace p11::pkcs11 {

CK_RV TokenFlags::read() {
    CK_TOKEN_INFO info{};
    const CK_RV rv = slot_.call<&List::C_GetTokenInfo>(&info);
    if (rv == CKR_OK)
        flags_ = info.flags;
    return rv;
}

void TokenFlags::require() {
    if (const CK_RV rv = read(); rv != CKR_OK)
        throw callFailed(functionName<&List::C_GetTokenInfo>, rv, slot_.token);
}

bool TokenFlags::stillHas(CK_FLAGS flag) {
    if (has(flag))
        read();
    return has(flag);
}

} // namespace p11::pkcs11
