// SPDX-License-Identifier: Apache-2.0
// The parts of a key that others may have: its public half and its parameters.
#pragma once

#include "keymgmt/key.h"

namespace p11::keymgmt {

/// OpenSSL's own key that has the parts in `selection` (OSSL_KEYMGMT_SELECT_..., without a private
/// half on a token). Owned by `key`. Null if there are no such parts. Throws UsageError if they
/// are not known, and pkcs11::Error.
EVP_PKEY* publicPartsOf(const Key& key, int selection);

/// The same for other providers. Throws UsageError also if pkcs11-module-allow-export forbids it.
EVP_PKEY* exportablePartsOf(const Key& key, int selection);

} // namespace p11::keymgmt
