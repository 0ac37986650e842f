// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quirks_sessions.h"

#include <string>

#include "tests/support/module.h"
#include "tests/support/quirks.h"
#include "tests/support/sessions.h"

namespace test_module {

PinCopy asPin(std::string_view text) {
    return {text.begin(), text.end()};
}

CK_RV changeLogin(CK_USER_TYPE& user, PinCopy& pin) {
    constexpr CK_USER_TYPE vendors = 0x80000001;
    if (user == CKU_CONTEXT_SPECIFIC)
        return has(Quirk::noContextLogin) ? CKR_USER_TYPE_INVALID : CKR_OK;
    if (has(Quirk::vendorUser) && user != vendors)
        return CKR_USER_TYPE_INVALID;
    if (user == vendors)
        user = CKU_USER;
    if (!has(Quirk::emptyPin))
        return CKR_OK;
    if (!pin.empty())
        return CKR_PIN_INCORRECT;
    pin = asPin(testPin);
    return CKR_OK;
}

bool isReadOnly(CK_SESSION_HANDLE session) {
    CK_SESSION_INFO info{};
    return real().C_GetSessionInfo(session, &info) == CKR_OK && (info.flags & CKF_RW_SESSION) == 0;
}

void showPrivateObjects(CK_SESSION_HANDLE session) {
    if (!has(Quirk::visibleBeforeLogin))
        return;
    std::string pin(testPin);
    real().C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size());
}

CK_RV refusalOfKey(CK_SESSION_HANDLE session) {
    if (has(Quirk::readWriteSign) && isReadOnly(session))
        return CKR_SESSION_READ_ONLY;
    return has(Quirk::visibleBeforeLogin) && !pinOf(session) ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}

} // namespace test_module
