// SPDX-License-Identifier: Apache-2.0
// Sessions that can do less than others, and objects that are seen without a login.
#pragma once

#include <string_view>

#include <p11-kit/pkcs11.h>

#include "tests/support/pin_copy.h"

namespace test_module {

/// The PIN of the tests' tokens.
inline constexpr std::string_view testPin = "1234";
/// The one for keys that ask for a PIN at each use, where that is another.
inline constexpr std::string_view pinForOneUse = "9876";
/// The user that C_LoginUser takes.
inline constexpr std::string_view namedUser = "operator";

PinCopy asPin(std::string_view text);

/// What C_Login answers and what is not passed on then, CKR_OK where it is; changes what the real
/// module gets.
CK_RV changeLogin(CK_USER_TYPE& user, PinCopy& pin);

bool isReadOnly(CK_SESSION_HANDLE session);

/// Logs in behind the application's back, where private objects are to be seen without a login.
void showPrivateObjects(CK_SESSION_HANDLE session);

/// What C_SignInit and the like answer, and what is not passed on then. CKR_OK where it is.
CK_RV refusalOfKey(CK_SESSION_HANDLE session);

} // namespace test_module
