// SPDX-License-Identifier: Apache-2.0
// Logins: which PIN is tried, and what the token's answer means.
#pragma once

#include <optional>

#include "pkcs11/pin.h"
#include "pkcs11/session_pool.h"

namespace p11::pkcs11 {

/// C_Login(CKU_USER), unless the session's pool is logged in. Other threads wait for the
/// first one. A refused PIN is not tried again. Throws Error.
void logInAsUser(Session& session, const PinSource& source);

/// C_Login(CKU_CONTEXT_SPECIFIC), between C_SignInit and C_Sign of a CKA_ALWAYS_AUTHENTICATE key.
/// `pin` belongs to `owner`. Without it, the token's PIN is used. Threads take turns, so that a PIN
/// that was changed is refused only once. Throws Error.
void logInForUse(Session& session, const PinOwner& owner, std::optional<Pin> pin);

} // namespace p11::pkcs11
