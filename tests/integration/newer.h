// SPDX-License-Identifier: Apache-2.0
// Functions that came after OpenSSL 3.0, by whose headers this is built.
#pragma once

#include <dlfcn.h>

namespace testing_support {

/// The function `name` of the library that is there; null if it has none.
template <typename Function>
Function* newer(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

} // namespace testing_support
