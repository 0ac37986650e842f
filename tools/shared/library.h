// SPDX-License-Identifier: Apache-2.0
// OpenSSL library contexts with the provider in them.
#pragma once

#include <memory>
#include <string>

#include <openssl/types.h>

namespace tools {

/// The providers of the user's openssl.cnf, and beside them default and, where it can be loaded,
/// pkcs11. `providerFolder` is where pkcs11.so is looked for, or "" for OpenSSL's own place.
/// Throws Error if the configuration is wrong.
std::shared_ptr<OSSL_LIB_CTX> usersLibrary(const std::string& providerFolder);

/// With default, and pkcs11 with the one module `module`, whatever configuration and environment
/// say. Throws Error.
std::shared_ptr<OSSL_LIB_CTX> moduleLibrary(const std::string& providerFolder,
                                            const std::string& module);

} // namespace tools
