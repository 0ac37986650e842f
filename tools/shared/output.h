// SPDX-License-Identifier: Apache-2.0
// Files that are written with care: readable by their owner alone, and never half.
#pragma once

#include <string>
#include <string_view>

namespace tools {

/// Makes the file at `path` with `contents` and mode 0600. Throws Error, naming the file, if there
/// is one already or it can't be written; then none is left behind.
void writeNewFile(const std::string& path, std::string_view contents);

/// As writeNewFile, but a regular file at `path` is replaced in one step, and keeps its contents
/// where that fails. Throws Error, too, if `path` is something else, as a folder or a device.
void replaceFile(const std::string& path, std::string_view contents);

/// Throws Error.
void writeStandardOutput(std::string_view contents);

} // namespace tools
