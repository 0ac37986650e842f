// SPDX-License-Identifier: Apache-2.0
// All input, with an upper limit.
#pragma once

#include <string>

#include "tools/shared/bytes.h"

namespace p11::tools {

/// The longest request, annotation or file that is read, in bytes. ocicrypt's requests have a few
/// thousand.
inline constexpr std::size_t longestInput = 1 << 20;

/// Everything from the open file `descriptor`, which stays open. Throws Error, naming `what`, if
/// that fails or exceeds longestInput.
SecretBytes readAll(int descriptor, const std::string& what);

/// The contents of the regular file or pipe at `path`. Throws as readAll.
SecretBytes readFile(const std::string& path);

} // namespace p11::tools
