// SPDX-License-Identifier: Apache-2.0
// For tests of copies of keys in sessions.
#pragma once

#include "fixture.h"

namespace testing_support {

inline const Bytes message = randomBytes(40);

/// A signature with the key "ec256", which OpenSSL's default provider verifies.
inline bool signsWithEc256(const Instance& instance, EVP_PKEY* key) {
    const auto signature = sign(instance, key, message);
    return !signature.empty() && verify("ec256", signature, message);
}

} // namespace testing_support
