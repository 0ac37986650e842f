// SPDX-License-Identifier: Apache-2.0
// The parameters of keys on tokens (EVP_PKEY_get_params(3), EVP_PKEY_set_params(3)).
#pragma once

#include <span>

#include "keymgmt/key.h"

namespace p11::keymgmt {

/// Answers what is known. Asks the token only if the public value itself is wanted. Returns 1, or
/// 0 on failure. Throws pkcs11::Error, UsageError.
int getParameters(const Key& key, OSSL_PARAM* params);

/// Stores the key's certificate if it is among the parameters. Returns 1; 0 for a public value,
/// which cannot be set. Throws pkcs11::Error, UsageError.
int setParameters(const Key& key, const OSSL_PARAM* params);

/// True if a certificate is to be stored.
bool hasCertificate(const OSSL_PARAM* params);

/// What getParameters() answers if no other provider has such keys. Ends with an empty entry.
const OSSL_PARAM* gettableOnToken();

/// What setParameters() takes beside the other provider's parameters, and the end.
std::span<const OSSL_PARAM> settableOnToken();

} // namespace p11::keymgmt
