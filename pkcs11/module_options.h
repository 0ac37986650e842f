// SPDX-License-Identifier: Apache-2.0
// The configuration of a module.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include <p11-kit/pkcs11.h>

namespace p11::pkcs11 {

/// pkcs11-module-cache-keys: when operations use a copy of the key in a session.
enum class KeyCopies { automatic, always, never };

/// How to start and end a module, and what its tokens need for sessions and logins.
struct ModuleOptions {
    std::string initArgs; ///< pReserved of C_Initialize (NSS softokn needs it); empty for none
    bool neverFinalize = false;        ///< quirk no-deinit: C_Finalize is never called
    std::size_t maxIdleSessions = 256; ///< sessions that stay open, for each token
    std::size_t maxSessions = 0;       ///< the most open sessions, for each token; 0: no limit
    KeyCopies keyCopies = KeyCopies::automatic;
    bool readWriteSessions = false;   ///< quirk read-write-sessions: open no others
    CK_USER_TYPE userType = CKU_USER; ///< who logs in
    std::string userName;             ///< for C_LoginUser (PKCS#11 3.0); empty for C_Login
    bool noOperationState = false;    ///< quirk no-operation-state: C_GetOperationState fails
    bool pinPad = false; ///< quirk pin-pad: the token asks for the PIN, whatever its flags say
    bool speaksToServer = false; ///< p11-kit's client: calls take turns, and get no SIGPIPE
    bool emptyPin = false;       ///< quirk empty-pin: log in with an empty PIN if none is given
    /// How long C_Finalize and C_Initialize wait for other threads' calls.
    std::chrono::milliseconds turnPatience{1000};
    /// How long C_Finalize may take, for which the program waits.
    std::chrono::milliseconds finalizePatience{3000};
};

} // namespace p11::pkcs11
