// Asymmetric cipher dispatch (provider-asym_cipher(7)).
#pragma once

#include <openssl/core.h>

namespace asym_cipher {

/// The algorithms of OSSL_OP_ASYM_CIPHER. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace asym_cipher
