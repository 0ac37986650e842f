// Key encapsulation dispatch (provider-kem(7)).
#pragma once

#include <openssl/core.h>

namespace kem {

/// The algorithms of OSSL_OP_KEM. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace kem
