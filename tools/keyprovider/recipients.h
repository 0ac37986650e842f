// SPDX-License-Identifier: Apache-2.0
// Those for whom a layer's key is wrapped, in annotations of either format.
#pragma once

#include <cstddef>

#include "tools/keys/json.h"

namespace p11::tools {

/// Throws Error unless a layer's key can be wrapped for `count` recipients.
void requireRecipients(std::size_t count);

/// The member "recipients" of `annotation`. Throws Error unless it is a list of 1 to 64: more are
/// refused, because each may cost an operation on the token.
const Json& recipientsOf(const Json& annotation);

} // namespace p11::tools
