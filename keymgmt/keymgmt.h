// Key management dispatch (provider-keymgmt(7)).
#pragma once

#include <openssl/core.h>

namespace keymgmt {

/// The algorithms of OSSL_OP_KEYMGMT. Static.
const OSSL_ALGORITHM* algorithms();

} // namespace keymgmt
