// SPDX-License-Identifier: Apache-2.0
// What others may have of a key: its public half and its parameters.
#pragma once

#include "keymgmt/key.h"

namespace keymgmt {

/// The key of OpenSSL's own to take the parts in `selection` (OSSL_KEYMGMT_SELECT_..., without a
/// private half on a token) from. Owned by `key`. Null where there are no such parts. Throws
/// UsageError where they may not be given out, or are not known, and pkcs11::Error.
EVP_PKEY* publicPartsOf(const Key& key, int selection);

} // namespace keymgmt
