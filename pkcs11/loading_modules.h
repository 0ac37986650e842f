// SPDX-License-Identifier: Apache-2.0
// Modules that load other modules: whoever may load one of these may load anything.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace p11::pkcs11 {

/// True for p11-kit's proxy, which is p11-kit's own library, and for modules that log the calls to
/// another. The environment or the user's configuration decides what they load. `file` has no
/// symbolic links.
inline bool loadsOtherModules(const std::filesystem::path& file) {
    constexpr std::array<std::string_view, 4> starts{"libp11-kit.so", "p11-kit-proxy", "pkcs11-spy",
                                                     "pkcs11-logger"};
    const auto name = file.filename().string();
    return std::any_of(starts.begin(), starts.end(),
                       [&name](std::string_view start) { return name.starts_with(start); });
}

} // namespace p11::pkcs11
