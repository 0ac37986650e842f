// SPDX-License-Identifier: Apache-2.0
// What applications do with a key. Whether it works is the module's affair; what must hold is that
// every result fits its buffer.
#pragma once

#include <openssl/evp.h>

#include "tests/fuzz/input.h"

namespace fuzz {

/// Sizes, groups and public values; copies, checks and encodings if `options` says so.
void inspect(EVP_PKEY* key, Input& options);
/// With digest and padding as `options` has it.
void sign(EVP_PKEY* key, Input& options);
void decrypt(EVP_PKEY* key, Input& options);
/// With a peer that is the key itself or a pair in memory, and a KDF, as `options` has it.
void derive(EVP_PKEY* key, Input& options);

} // namespace fuzz
