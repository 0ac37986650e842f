// SPDX-License-Identifier: Apache-2.0
// Checks of RFC 7512 that p11-kit does not make. Used only by uri/.
#pragma once

#include <string_view>

#include "uri/attributes.h"

namespace p11::uri {

/// The length and the scheme. Throws Error.
void checkFrame(std::string_view text);

/// Throws Error, which names the attribute and never quotes a value: it may be a PIN.
void checkAll(const Attributes& attributes);

} // namespace p11::uri
