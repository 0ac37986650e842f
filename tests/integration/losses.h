// SPDX-License-Identifier: Apache-2.0
// The answers by which modules tell that something is lost (docs/recovery.md).
#pragma once

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "pkcs11/error.h"

namespace testing_support {

/// Sessions, login, device or handles are gone: the operation is done again.
constexpr std::array losses{
    CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,        CKR_DEVICE_REMOVED,
    CKR_DEVICE_ERROR,           CKR_TOKEN_NOT_PRESENT,     CKR_USER_NOT_LOGGED_IN,
    CKR_KEY_HANDLE_INVALID,     CKR_OBJECT_HANDLE_INVALID, CKR_CRYPTOKI_NOT_INITIALIZED};
/// Nobody knows what was wrong: done again, unless that could do harm.
constexpr std::array vague{CKR_FUNCTION_FAILED, CKR_HOST_MEMORY, CKR_GENERAL_ERROR};

inline std::string nameOfLoss(const ::testing::TestParamInfo<CK_RV>& info) {
    return p11::pkcs11::rvName(info.param);
}

} // namespace testing_support
