// SPDX-License-Identifier: Apache-2.0
// What pkcs11-objects does with tokens: through EVP and the provider's store, never with PKCS#11
// itself.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <openssl/types.h>

namespace p11::tools::objects {

/// Parameters of a key, name and value: pkcs11_key_usage and so on.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Stores the private key in the PEM or DER `file` at the place that `uri` names. Returns the URI
/// of the key, without a PIN. Throws Error.
std::string importKey(OSSL_LIB_CTX* library, const std::string& file, const std::string& uri,
                      Parameters parameters);

/// Stores the certificate in the PEM or DER `file` beside the private key of `uri`. If the file has
/// several, such as a chain, it stores the one that belongs to the key. Returns the number of the
/// others. Throws Error.
std::size_t importCertificate(OSSL_LIB_CTX* library, const std::string& file,
                              const std::string& uri, bool allowDuplicate);

/// Deletes what `uri` names; with `all`, everything that fits. Throws Error.
void remove(OSSL_LIB_CTX* library, const std::string& uri, bool all);

} // namespace p11::tools::objects
