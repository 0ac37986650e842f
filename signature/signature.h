// Signature dispatch (provider-signature(7)).
#pragma once

#include <openssl/core.h>

namespace signature {

/// The algorithms of OSSL_OP_SIGNATURE. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace signature
