// Cipher dispatch (provider-cipher(7)) for AES keys on tokens (EVP_SKEY, OpenSSL 3.5).
#pragma once

#include <openssl/core.h>

namespace cipher {

/// The algorithms of OSSL_OP_CIPHER. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace cipher
