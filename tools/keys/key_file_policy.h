// SPDX-License-Identifier: Apache-2.0
// Which PKCS#11 modules key files may use: ocicrypt's OCICRYPT_CONFIG.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace p11::tools {

/// Without OCICRYPT_CONFIG: none, unless $XDG_CONFIG_HOME/ocicrypt.conf, ~/.config/ocicrypt.conf
/// or /etc/ocicrypt.conf says otherwise. "internal": those in the usual folders. Else a file with
/// the lists module-directories and allowed-module-paths, under pkcs11: or not; and
/// allowed-module-environment, which ocicrypt does not know: variables that key files may set
/// besides SOFTHSM2_CONF.
class KeyFilePolicy {
  public:
    /// Throws Error.
    static KeyFilePolicy fromEnvironment();
    static KeyFilePolicy none();
    static KeyFilePolicy internal();
    /// Throws Error, naming `what`.
    static KeyFilePolicy parse(std::string_view yaml, const std::string& what);

    /// The file of the module that the URI `text` names by module-path or module-name, without
    /// symbolic links if it exists. An allowed folder ends with "/". It allows the files in it, but
    /// neither those in subfolders nor modules that load other modules. Throws KeyError.
    std::string module(std::string_view text) const;
    /// True if a key file may set the environment variable `name`.
    bool permitsVariable(std::string_view name) const;
    /// The source of the policy, for messages.
    const std::string& origin() const { return origin_; }

  private:
    std::optional<std::string> allowed(const std::string& path) const;
    std::string find(const std::vector<std::string>& folders, const std::string& name) const;

    std::vector<std::string> directories_;
    std::vector<std::string> allowed_;
    std::vector<std::string> variables_; ///< permitted in addition to those that always are
    std::string origin_;
};

} // namespace p11::tools
