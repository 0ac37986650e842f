// Key exchange dispatch (provider-keyexch(7)).
#pragma once

#include <openssl/core.h>

namespace exchange {

/// The algorithms of OSSL_OP_KEYEXCH. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace exchange
