// SPDX-License-Identifier: Apache-2.0
// OpenSSL library contexts with the provider in them.
#pragma once

#include <memory>
#include <string>

#include <openssl/types.h>

namespace p11::tools {

/// A context with the providers of the user's openssl.cnf, and also default and, if it can be
/// loaded, pkcs11. `providerFolder` is the folder of pkcs11.so; "" means OpenSSL's own. Throws
/// Error if the configuration is wrong.
std::shared_ptr<OSSL_LIB_CTX> usersLibrary(const std::string& providerFolder);

/// A context with default, and with pkcs11 and only the module `module`, whatever the configuration
/// and environment say. Throws Error.
std::shared_ptr<OSSL_LIB_CTX> moduleLibrary(const std::string& providerFolder,
                                            const std::string& module);

/// `text` as a value in openssl.cnf(5), where a backslash takes the meaning from every character
/// behind it. Throws KeyError for control characters.
std::string quotedValue(const std::string& text);

/// Loads the configuration `text` into `library`. False on failure, with OpenSSL's errors.
bool configure(OSSL_LIB_CTX* library, const std::string& text);

} // namespace p11::tools
