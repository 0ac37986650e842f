// SPDX-License-Identifier: Apache-2.0
// A SoftHSM token of the process's own, which has no keys yet.
#pragma once

#include <string>

namespace fuzz {

/// Made at the first use; gone with the process. The module is at the returned path. The token is
/// called "fuzz" and its PIN is 1234. Aborts where SoftHSM is not there.
const std::string& softToken();

} // namespace fuzz
