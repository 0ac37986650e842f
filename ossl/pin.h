// PINs in OpenSSL's secure heap (OPENSSL_secure_malloc(3)).
#pragma once

#include <string>
#include <string_view>

#include "pkcs11/pin.h"

namespace ossl {

/// A copy of `text` in the secure heap, where the application has made one; wiped with its last
/// owner.
pkcs11::Pin makePin(std::string_view text);

/// The first line of the file at `path`. Throws pkcs11::Error if it can't be read.
pkcs11::Pin readPinFile(const std::string& path);

} // namespace ossl
