// SPDX-License-Identifier: Apache-2.0
// The system's registration of PKCS#11 modules, read without loading any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace p11::pkcs11 {

/// What pkcs11.conf(5) says of a module.
struct Registration {
    std::string name;     ///< the name of the configuration file
    std::string file;     ///< the shared object's absolute path; empty if it is behind a command
    std::string initArgs; ///< x-init-reserved
    int priority = 0;     ///< the highest comes first
    bool critical = false;
};

/// The folders of registrations, and the folder for relative module names.
struct RegistrationFolders {
    std::vector<std::string> configurations; ///< values in earlier folders take precedence
    std::string modules;

    /// p11-kit's own: those of the system and of packages, but not the user's in the home folder.
    static RegistrationFolders ofTheSystem();
};

/// The modules that are enabled for `program`, in p11-kit's order. p11-kit itself cannot list them
/// without loading them. Throws Error for a file that is not a configuration.
std::vector<Registration> registrations(const RegistrationFolders& folders,
                                        std::string_view program);

} // namespace p11::pkcs11
