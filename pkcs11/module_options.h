// SPDX-License-Identifier: Apache-2.0
// What the configuration says of a module.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include <p11-kit/pkcs11.h>

namespace pkcs11 {

/// How a module is started and ended, and what its tokens want of sessions and logins.
struct ModuleOptions {
    std::string initArgs; ///< pReserved of C_Initialize (NSS softokn needs it); empty for none
    bool neverFinalize = false;        ///< quirk no-deinit: C_Finalize is never called
    std::size_t maxIdleSessions = 256; ///< sessions kept for later operations, for each token
    std::size_t maxSessions = 0;       ///< that may be open at once, for each token; 0: any number
    bool readWriteSessions = false;    ///< quirk read-write-sessions: no other ones are opened
    CK_USER_TYPE userType = CKU_USER;  ///< who logs in
    std::string userName;              ///< for C_LoginUser (PKCS#11 3.0); empty for C_Login
    bool pinPad = false;   ///< quirk pin-pad: the token takes the PIN, whatever its flags say
    bool emptyPin = false; ///< quirk empty-pin: log in with an empty PIN if none is given
    /// How long C_Finalize and C_Initialize wait for calls that other threads have inside.
    std::chrono::milliseconds turnPatience{1000};
};

} // namespace pkcs11
