// SPDX-License-Identifier: Apache-2.0
// Sessions that can do less than others, and objects that are seen without a login.
#pragma once

#include <string_view>

#include <p11-kit/pkcs11.h>

#include "tests/support/pin_copy.h"

namespace test_module {

/// The PIN of the tests' tokens.
inline constexpr std::string_view testPin = "1234";
/// The PIN for keys that ask at each use, if it is another.
inline constexpr std::string_view pinForOneUse = "9876";
/// The user that C_LoginUser accepts.
inline constexpr std::string_view namedUser = "operator";

PinCopy asPin(std::string_view text);

/// The answer of C_Login if it is not passed on, else CKR_OK. Changes the real module's arguments.
CK_RV changeLogin(CK_USER_TYPE& user, PinCopy& pin);

bool isReadOnly(CK_SESSION_HANDLE session);

/// Logs in without the application's knowledge, if private objects are visible without a login.
void showPrivateObjects(CK_SESSION_HANDLE session);

/// The answer of C_SignInit and the like if they are not passed on, else CKR_OK.
CK_RV refusalOfKey(CK_SESSION_HANDLE session);

} // namespace test_module
