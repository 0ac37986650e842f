// Symmetric key management dispatch (provider-skeymgmt(7), OpenSSL 3.5).
#pragma once

#include <openssl/core.h>

namespace skeymgmt {

/// The parameter of EVP_SKEY_import() and EVP_SKEY_generate() that names token and key.
inline constexpr const char* uriParameter = "pkcs11_uri";

/// The algorithms of OSSL_OP_SKEYMGMT. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace skeymgmt
