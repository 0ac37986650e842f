// SPDX-License-Identifier: Apache-2.0
// The provider under test.
#pragma once

#include <cstdlib>

namespace testing_support {

/// The one of this build, or another that PKCS11_TEST_PROVIDER names (scripts/mutate.sh).
inline const char* providerFile() {
    const char* given = std::getenv("PKCS11_TEST_PROVIDER");
    return given != nullptr ? given : PROVIDER_FILE;
}

} // namespace testing_support
