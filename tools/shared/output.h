// SPDX-License-Identifier: Apache-2.0
// Safe writing of files: only the owner can read them, and they are never incomplete.
#pragma once

#include <string>
#include <string_view>

namespace p11::tools {

/// Makes the file at `path` with `contents` and mode 0600. Throws Error, naming the file, if it
/// exists or cannot be written; then no new file is left.
void writeNewFile(const std::string& path, std::string_view contents);

/// As writeNewFile, but replaces a regular file at `path` in one step. If that fails, the file
/// keeps its contents. Also throws Error if `path` is something else, such as a folder or a device.
void replaceFile(const std::string& path, std::string_view contents);

/// Throws Error.
void writeStandardOutput(std::string_view contents);

} // namespace p11::tools
