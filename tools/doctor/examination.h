// SPDX-License-Identifier: Apache-2.0
// All checks, in their order.
#pragma once

#include <string>

#include "tools/doctor/report.h"

namespace p11::tools::doctor {

struct Request {
    std::string uri; ///< empty for none
    std::string providerFolder;
    bool login = false;
    bool sign = false;
    unsigned time = 0; ///< signatures to measure
};

/// Throws Error for a URI that cannot be used.
void examine(const Request& request, Report& report);

} // namespace p11::tools::doctor
