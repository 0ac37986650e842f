// SPDX-License-Identifier: Apache-2.0
// Sessions and logins.
#include <algorithm>
#include <span>

#include "tests/support/config.h"
#include "tests/support/module.h"
#include "tests/support/quirks_sessions.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

CK_RV nameOfFull() {
    if (has(Quirk::fullIsHostMemory))
        return CKR_HOST_MEMORY;
    return has(Quirk::fullIsArgumentsBad) ? CKR_ARGUMENTS_BAD : CKR_SESSION_COUNT;
}

CK_RV openSession(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                  CK_SESSION_HANDLE* session) {
    if (has(Quirk::readWriteOnly) && (flags & CKF_RW_SESSION) == 0)
        return CKR_FUNCTION_FAILED;
    if (!reserveSession(slot, config().maxSessions))
        return nameOfFull();
    const CK_RV rv = real().C_OpenSession(slot, flags, application, notify, session);
    if (rv == CKR_OK) {
        addSession(slot, *session);
        showPrivateObjects(*session);
    } else {
        giveUpSession(slot);
    }
    return rv;
}

// The session is removed first: once it is closed, another thread may get the same handle.
CK_RV closeSession(CK_SESSION_HANDLE session) {
    removeSession(session);
    return real().C_CloseSession(session);
}

CK_RV closeAllSessions(CK_SLOT_ID slot) {
    const CK_RV rv = real().C_CloseAllSessions(slot);
    if (rv == CKR_OK)
        removeSessionsOf(slot);
    return rv;
}

// The real module does not know of this authentication, unless its key asks for it as well. So it
// is asked first, and the PIN is compared here if it refuses.
CK_RV loginForOperation(CK_SESSION_HANDLE session, PinCopy pin) {
    const CK_RV rv = real().C_Login(session, CKU_CONTEXT_SPECIFIC, pin.data(), pin.size());
    if (rv != CKR_OK) {
        if (rv != CKR_OPERATION_NOT_INITIALIZED ||
            authenticationOf(session) != Authentication::needed)
            return rv;
        const auto known = pinOf(session);
        if (!known)
            return CKR_USER_NOT_LOGGED_IN;
        if (!std::ranges::equal(pin, has(Quirk::contextPin) ? asPin(pinForOneUse) : *known))
            return CKR_PIN_INCORRECT;
    }
    setAuthentication(session, Authentication::done);
    noteWrongPin(false);
    return CKR_OK;
}

CK_RV loginAs(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* given, CK_ULONG size) {
    const auto& current = config();
    std::string entered = current.protectedPin.value_or(""); // at the PIN pad
    if (given == nullptr && current.protectedPin) {
        given = reinterpret_cast<CK_UTF8CHAR*>(entered.data());
        size = entered.size();
    }
    PinCopy pin;
    if (given != nullptr)
        pin.assign(given, given + size);
    if (const CK_RV rv = changeLogin(user, pin); rv != CKR_OK)
        return rv;
    if (given != nullptr) {
        given = pin.data();
        size = pin.size();
    }
    if (user == CKU_CONTEXT_SPECIFIC && current.alwaysAuthenticate)
        return loginForOperation(session, pin);
    if (has(Quirk::readWriteLogin) && isReadOnly(session))
        return CKR_SESSION_READ_ONLY;
    if (has(Quirk::visibleBeforeLogin) && user == CKU_USER) {
        if (!std::ranges::equal(pin, testPin))
            return CKR_PIN_INCORRECT;
        rememberPin(session, pin);
        return CKR_OK;
    }
    const CK_RV rv = real().C_Login(session, user, given, size);
    if (rv == CKR_OK && user == CKU_USER) {
        rememberPin(session, pin);
        noteWrongPin(false);
    }
    return rv;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* given, CK_ULONG size) {
    if (has(Quirk::userName) && user == CKU_USER)
        return CKR_USER_TYPE_INVALID;
    return loginAs(session, user, given, size);
}

CK_RV loginUser(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* given, CK_ULONG size,
                CK_UTF8CHAR* name, CK_ULONG nameSize) {
    if (!std::ranges::equal(std::span(name, nameSize), namedUser))
        return CKR_PIN_INCORRECT;
    return loginAs(session, user, given, size);
}

CK_RV logout(CK_SESSION_HANDLE session) {
    const CK_RV rv = real().C_Logout(session);
    if (rv == CKR_OK)
        forgetPin(session);
    return rv;
}

} // namespace

void interceptSessions(FunctionList& list) {
    list.C_OpenSession = openSession;
    list.C_CloseSession = closeSession;
    list.C_CloseAllSessions = closeAllSessions;
    list.C_Login = login;
    if (has(Quirk::userName))
        list.C_LoginUser = loginUser;
    list.C_Logout = logout;
}

} // namespace test_module
