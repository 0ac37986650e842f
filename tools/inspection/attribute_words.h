// SPDX-License-Identifier: Apache-2.0
// The attributes of an object in words.
#pragma once

#include <string>
#include <vector>

#include "pkcs11/attributes.h"

namespace p11::tools::inspection {

struct AttributeInWords {
    std::string name;  ///< CKA_SENSITIVE
    std::string words; ///< "sensitive"
    std::string value; ///< "yes", a number, a text, or bytes in hexadecimal digits
};

/// Those that the token gives and that are not empty, in PKCS#11's order. Values of keys, such as
/// CKA_VALUE and CKA_PRIVATE_EXPONENT, are never read. Throws pkcs11::Error.
std::vector<AttributeInWords> attributesInWords(pkcs11::Session& session, CK_OBJECT_HANDLE handle);

} // namespace p11::tools::inspection
