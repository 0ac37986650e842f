// SPDX-License-Identifier: Apache-2.0
// Finding objects of one token, after a login if that is worth a PIN.
#pragma once

#include <vector>

#include "pkcs11/object.h"
#include "pkcs11/pin.h"

namespace p11::tokens {

/// Objects that belong together by PKCS#11's custom, and that a new object would duplicate. They
/// have the same id or, if there is no id (empty), the same label.
pkcs11::ObjectQuery byIdOrLabel(CK_OBJECT_CLASS type, const pkcs11::Bytes& id,
                                const std::string& label);

/// Logs in to the token unless somebody has. Throws pkcs11::Error.
void logIn(pkcs11::Session& session, const pkcs11::PinSource& pins);

/// `ifPossible`: first, if there is a PIN. Without one, only if nothing is found.
enum class Login { never, ifNothingIsSeen, ifPossible, first };

/// Handles of the objects that `session` of `pool` sees and that fit `query`. `pins` is asked
/// for a PIN only for a login. Throws pkcs11::Error.
std::vector<CK_OBJECT_HANDLE> find(pkcs11::SessionPool& pool, pkcs11::Session& session,
                                   const pkcs11::ObjectQuery& query, Login login,
                                   const pkcs11::PinSource& pins);

} // namespace p11::tokens
