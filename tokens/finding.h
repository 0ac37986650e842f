// SPDX-License-Identifier: Apache-2.0
// Objects of one token, after a login where it is worth a PIN.
#pragma once

#include <vector>

#include "pkcs11/object.h"
#include "pkcs11/pin.h"

namespace tokens {

/// What belongs together by PKCS#11's custom, and what a new object would be the double of: objects
/// of one id or, where there is none (empty), of one label.
pkcs11::ObjectQuery byIdOrLabel(CK_OBJECT_CLASS type, const pkcs11::Bytes& id,
                                const std::string& label);

/// Logs in to the token if nobody has. Throws pkcs11::Error.
void logIn(pkcs11::Connection& connection, pkcs11::Session& session, const pkcs11::PinSource& pins);

/// `ifPossible` is first where there is a PIN, and else never, unless nothing is seen then.
enum class Login { never, ifNothingIsSeen, ifPossible, first };

/// Handles of the objects that `session` of `connection` sees and that fit `query`. A PIN is asked
/// of `pins` for a login alone. Throws pkcs11::Error.
std::vector<CK_OBJECT_HANDLE> find(pkcs11::Connection& connection, pkcs11::Session& session,
                                   const pkcs11::ObjectQuery& query, Login login,
                                   const pkcs11::PinSource& pins);

} // namespace tokens
