// SPDX-License-Identifier: Apache-2.0
// HKDF (RFC 5869) with a key on a token.
#pragma once

#include "kdf/parameters.h"
#include "ossl/handles.h"
#include "pkcs11/bytes.h"
#include "skeymgmt/secret_key.h"

namespace p11::kdf {

/// One derivation. The key on the token is the input keying material, or for Mode::expand the
/// pseudorandom key.
struct Derivation {
    Mode mode;
    const EVP_MD* digest;
    pkcs11::ByteView salt; ///< empty: zeros, as RFC 5869 has it
    pkcs11::ByteView info;
};

/// Derives `out` by CKM_HKDF_DATA, or by CKM_HKDF_DERIVE if the token has only that. Throws
/// UsageError and pkcs11::Error.
void deriveOnToken(const skeymgmt::SecretKey& key, const Derivation& wanted,
                   pkcs11::MutableBytes out);

} // namespace p11::kdf
