// What configuration and environment say; read once, at the first use, by
// provider/configuration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/pin.h"

namespace ossl {

/// When to log in to look for public objects; private keys are logged in for in any case.
enum class LoginBehavior { automatic, always, never };

struct Settings {
    std::string problem;        ///< what is wrong with the configuration; empty if nothing is
    std::string modulePath;     ///< the one module to use; empty for those registered with p11-kit
    std::string moduleInitArgs; ///< pReserved of C_Initialize
    std::optional<pkcs11::Pin> pin;
    std::string pinFile;           ///< read at the first login; empty for none
    bool readablePinFiles = false; ///< PIN files that others may read are taken all the same
    std::vector<std::string> allowedModulePaths; ///< pkcs11::ModulePolicy
    LoginBehavior login = LoginBehavior::automatic;
    bool neverFinalize = false;       ///< quirk no-deinit
    bool noAllowedMechanisms = false; ///< quirk: CKA_ALLOWED_MECHANISMS is never asked for
    bool allowPublicExport = true;
    std::string randomToken;        ///< URI of the token that makes random numbers; empty for none
    unsigned maxIdleSessions = 256; ///< kept open for each token
    unsigned maxSessions = 0;       ///< opened at once on each token; 0: as many as it takes
    bool readWriteSessions = false; ///< quirk: no read-only sessions
    CK_USER_TYPE userType = CKU_USER;
    std::string userName;  ///< of PKCS#11 3.0's C_LoginUser; empty for none
    bool pinPad = false;   ///< quirk: the token takes the PIN, whatever its flags say
    bool emptyPin = false; ///< quirk: the PIN is an empty one where there is none
    std::optional<pkcs11::Pin> contextPin; ///< for keys that ask for it at each use
    std::string contextPinFile;            ///< read at each use; empty for none
};

} // namespace ossl
