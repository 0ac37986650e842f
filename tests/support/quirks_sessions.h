// Sessions that can do less than others, and objects that are seen without a login.
#pragma once

#include <string_view>

#include <p11-kit/pkcs11.h>

namespace test_module {

/// The PIN of the tests' tokens.
inline constexpr std::string_view testPin = "1234";

bool isReadOnly(CK_SESSION_HANDLE session);

/// Logs in behind the application's back, where private objects are to be seen without a login.
void showPrivateObjects(CK_SESSION_HANDLE session);

/// What C_SignInit and the like answer, and what is not passed on then. CKR_OK where it is.
CK_RV refusalOfKey(CK_SESSION_HANDLE session);

} // namespace test_module
