// SPDX-License-Identifier: Apache-2.0
// ocicrypt's own pkcs11 protocol: the annotation org.opencontainers.image.enc.keys.pkcs11.
//
//     {"version": 0, "recipients": [{"version": 0, "blob": base64, "hash": "sha256"}]}
//
// A blob is the contents under RSA-OAEP, so that they cannot be longer than the key permits. An
// absent hash means SHA-1.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/keyprovider/keyring.h"
#include "tools/keyprovider/oaep.h"
#include "tools/keys/json.h"

namespace p11::tools::ocicrypt {

inline constexpr std::uint64_t version = 0;
inline constexpr const char* annotationName = "org.opencontainers.image.enc.keys.pkcs11";

/// The hash that ocicrypt would use: OCICRYPT_OAEP_HASHALG, or SHA-256. Throws Error.
oaep::Hash hashFromEnvironment();

/// Throws KeyError, also for EC keys and for contents that are too long.
Json seal(const std::vector<Key>& recipients, oaep::Hash hash, ByteView contents);

/// `annotation` has the version. Throws Error.
SecretBytes open(const Json& annotation, Keyring& keys);

/// What is known without a key. Throws Error.
Json describe(const Json& annotation);

} // namespace p11::tools::ocicrypt
