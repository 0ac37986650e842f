// SPDX-License-Identifier: Apache-2.0
// Which shared objects may be loaded as PKCS#11 modules.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pkcs11 {

/// Files, and folders whose files (not those in folders below) are allowed; but modules that load
/// other modules (loading_modules.h) only as files. Empty: no limit. The idea of ocicrypt's
/// `allowed-module-paths`.
class ModulePolicy {
  public:
    ModulePolicy() = default;
    explicit ModulePolicy(std::vector<std::string> paths) : paths_(std::move(paths)) {}

    bool limits() const { return !paths_.empty(); }
    /// The file behind `path`, whose symbolic links are followed once, as those of the policy are.
    /// Load this, and not `path`, which may lead elsewhere by then. Nothing, if there is a limit,
    /// for relative paths, for files that do not exist and for those that are not allowed. Without
    /// a limit, `path` itself where it is relative (p11-kit resolves that against its module
    /// folder) or does not exist.
    std::optional<std::string> resolve(const std::string& path) const;
    /// The same, and throws an Error that names the path.
    std::string require(const std::string& path) const;

  private:
    std::vector<std::string> paths_;
};

} // namespace pkcs11
