// SPDX-License-Identifier: Apache-2.0
// The error for a setting that makes no sense.
#pragma once

#include <stdexcept>

namespace test_module {

struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace test_module
