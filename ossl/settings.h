// SPDX-License-Identifier: Apache-2.0
// What configuration and environment say; read once, at the first use, by
// provider/configuration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pkcs11/module_options.h"
#include "pkcs11/pin.h"

namespace ossl {

/// When to log in to look for public objects; private keys are logged in for in any case.
enum class LoginBehavior { automatic, always, never };

struct Settings {
    std::string problem;    ///< what is wrong with the configuration; empty if nothing is
    std::string modulePath; ///< the one module to use; empty for those registered with p11-kit
    pkcs11::ModuleOptions module;
    std::optional<pkcs11::Pin> pin;
    std::string pinFile;           ///< read at the first login; empty for none
    bool readablePinFiles = false; ///< PIN files that others may read are taken all the same
    std::vector<std::string> allowedModulePaths; ///< pkcs11::ModulePolicy
    LoginBehavior login = LoginBehavior::automatic;
    bool noAllowedMechanisms = false; ///< quirk: CKA_ALLOWED_MECHANISMS is never asked for
    bool allowPublicExport = true;
    std::string randomToken; ///< URI of the token that makes random numbers; empty for none
    std::optional<pkcs11::Pin> contextPin; ///< for keys that ask for it at each use
    std::string contextPinFile;            ///< read at each use; empty for none
};

} // namespace ossl
