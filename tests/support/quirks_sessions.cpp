#include "tests/support/quirks_sessions.h"

#include <string>

#include "tests/support/module.h"
#include "tests/support/quirks.h"
#include "tests/support/sessions.h"

namespace test_module {

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
