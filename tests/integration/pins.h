// SPDX-License-Identifier: Apache-2.0
// For tests of PINs and logins.
#pragma once

#include "fixture.h"

namespace testing_support {

inline std::string withoutPin(const std::string& label, const std::string& type = "private") {
    return "pkcs11:token=scenarios;object=" + label + ";type=" + type;
}

inline bool signs(const Instance& instance, EVP_PKEY* key) {
    return !sign(instance, key, Bytes(100, 'd')).empty();
}

/// A session that the provider knows nothing of, as another part of the program opens it.
inline CK_SESSION_HANDLE openSession(const std::string& token, CK_FLAGS flags = 0) {
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    EXPECT_EQ(moduleFunctions()->C_OpenSession(tokenWriter(token).slot(),
                                               CKF_SERIAL_SESSION | flags, nullptr, nullptr,
                                               &session),
              CKR_OK);
    return session;
}

} // namespace testing_support
