// SPDX-License-Identifier: Apache-2.0
// Everything that is read from outside, with an upper limit.
#pragma once

#include <string>

#include "tools/shared/secret.h"

namespace tools {

/// Bytes of the longest request, annotation or file that is read. ocicrypt's requests have a few
/// thousand.
inline constexpr std::size_t longestInput = 1 << 20;

/// All that comes from the open file `descriptor`, which stays open. Throws Error, naming `what`,
/// if that fails or is longer than longestInput.
SecretBytes readAll(int descriptor, const std::string& what);

/// The contents of the regular file or pipe at `path`. Throws as readAll.
SecretBytes readFile(const std::string& path);

} // namespace tools
