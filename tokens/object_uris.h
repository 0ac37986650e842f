// SPDX-License-Identifier: Apache-2.0
// Objects by their URIs, for references and for messages.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pkcs11/object.h"

namespace p11::tokens {

/// The complete URI of an object with `attributes` (CKA_CLASS, CKA_LABEL, CKA_ID), without a PIN.
std::string uriOf(const pkcs11::Token& token, const pkcs11::Attributes& attributes);

/// The URIs of the objects at `handles`, without the token, for messages: the first eight, and
/// "..." where there are more. Throws pkcs11::Error.
std::vector<std::string> urisOf(pkcs11::Session& session,
                                std::span<const CK_OBJECT_HANDLE> handles);

/// "a, b, c"
std::string join(const std::vector<std::string>& parts);

} // namespace p11::tokens
