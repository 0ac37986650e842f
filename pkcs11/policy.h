// Which shared objects may be loaded as PKCS#11 modules.
#pragma once

#include <string>
#include <vector>

namespace pkcs11 {

/// Files, and folders whose files (not those in folders below) are allowed. Empty: no limit. The
/// idea of ocicrypt's `allowed-module-paths`.
class ModulePolicy {
  public:
    ModulePolicy() = default;
    explicit ModulePolicy(std::vector<std::string> paths) : paths_(std::move(paths)) {}

    bool limits() const { return !paths_.empty(); }
    /// `path` is followed through symbolic links, as those of the policy are. False for relative
    /// paths and for files that do not exist, if there is a limit.
    bool allows(const std::string& path) const;
    /// The same, and throws an Error that names the path.
    void require(const std::string& path) const;

  private:
    std::vector<std::string> paths_;
};

} // namespace pkcs11
