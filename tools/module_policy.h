// Which PKCS#11 modules key files may use: ocicrypt's OCICRYPT_CONFIG.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tools {

/// Without OCICRYPT_CONFIG: none, unless $XDG_CONFIG_HOME/ocicrypt.conf, ~/.config/ocicrypt.conf
/// or /etc/ocicrypt.conf says otherwise. "internal": those in the usual folders. Else a file with
/// the lists module-directories and allowed-module-paths, under pkcs11: or not.
class ModulePolicy {
  public:
    /// Throws Error.
    static ModulePolicy fromEnvironment();
    static ModulePolicy none();
    static ModulePolicy internal();
    /// Throws Error, naming `what`.
    static ModulePolicy parse(std::string_view yaml, const std::string& what);

    /// The file of the module that the URI `text` names by module-path or module-name. A folder
    /// that is allowed ends with "/", and stands for the files in it, not for those in folders
    /// below. Throws KeyError.
    std::string module(std::string_view text) const;

  private:
    bool allows(std::string_view path) const;
    std::string find(const std::vector<std::string>& folders, const std::string& name) const;

    std::vector<std::string> directories_;
    std::vector<std::string> allowed_;
    std::string origin_;
};

} // namespace tools
