// SPDX-License-Identifier: Apache-2.0
// RSA-OAEP (RFC 8017), MGF1 with the same hash, empty label.
#pragma once

#include <optional>
#include <string_view>

#include "tools/keys/key.h"
#include "tools/shared/bytes.h"

namespace p11::tools::oaep {

enum class Hash { sha1, sha256 };

/// "sha1" or "sha256".
const char* nameOf(Hash hash);
std::optional<Hash> hashNamed(std::string_view name);

/// Throws KeyError, with the sizes if `plaintext` is too long for the key.
Bytes encrypt(const Key& key, Hash hash, ByteView plaintext);

/// Throws KeyError.
SecretBytes decrypt(const Key& key, Hash hash, ByteView ciphertext);

} // namespace p11::tools::oaep
