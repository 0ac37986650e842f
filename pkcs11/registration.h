// SPDX-License-Identifier: Apache-2.0
// The system's registration of PKCS#11 modules, read without loading any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pkcs11 {

/// What pkcs11.conf(5) says of a module.
struct Registration {
    std::string name;     ///< that of the configuration file
    std::string file;     ///< the shared object's absolute path; empty for one behind a command
    std::string initArgs; ///< x-init-reserved
    int priority = 0;     ///< the greatest comes first
    bool critical = false;
};

/// Where registrations are, and the folder of relative module names.
struct RegistrationFolders {
    std::vector<std::string> configurations; ///< a value in an earlier one goes before a later's
    std::string modules;

    /// p11-kit's own: the system's and the packages', and not the user's in the home folder.
    static RegistrationFolders ofTheSystem();
};

/// The modules that are enabled for `program`, in p11-kit's order. p11-kit itself can't tell them
/// without loading them. Throws Error for a file that is no configuration.
std::vector<Registration> registrations(const RegistrationFolders& folders,
                                        std::string_view program);

} // namespace pkcs11
