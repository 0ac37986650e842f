// Random number generator dispatch (provider-rand(7)).
#pragma once

#include <openssl/core.h>

namespace rng {

/// The algorithms of OSSL_OP_RAND: PKCS11-RAND. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace rng
