// SPDX-License-Identifier: Apache-2.0
// Which class does which mode.
#pragma once

#include "cipher/operation.h"

namespace p11::cipher {

/// The operation for `mode`. Throws UsageError.
std::unique_ptr<Operation> begin(Mode mode, const Setup& setup);

} // namespace p11::cipher
