// SPDX-License-Identifier: Apache-2.0
// Which shared objects may be loaded as PKCS#11 modules.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace p11::pkcs11 {

/// Allowed files, and folders whose files are allowed, but not those in subfolders. Modules that
/// load other modules (loading_modules.h) are allowed only as files. Empty: no limit. The idea is
/// that of ocicrypt's `allowed-module-paths`.
class ModulePolicy {
  public:
    ModulePolicy() = default;
    explicit ModulePolicy(std::vector<std::string> paths) : paths_(std::move(paths)) {}

    bool limits() const { return !paths_.empty(); }
    /// The file behind `path`. Its symbolic links are followed once, as are those of the policy.
    /// Load this file, not `path`, which may lead elsewhere by then. If there is a limit: nothing
    /// for relative paths, absent files, and files that are not allowed. Without a limit: `path`
    /// itself if it is relative (p11-kit resolves that against its module folder) or does not
    /// exist.
    std::optional<std::string> resolve(const std::string& path) const;
    /// The same, but throws an Error that names the path.
    std::string require(const std::string& path) const;

  private:
    std::vector<std::string> paths_;
};

} // namespace p11::pkcs11
