// SPDX-License-Identifier: Apache-2.0
// The encodings of RSA signatures that the host makes (RFC 8017, section 9).
#pragma once

#include <array>
#include <span>

#include "keymgmt/key.h"
#include "ossl/handles.h"
#include "pkcs11/attributes.h"
#include "pkcs11/bytes.h"

namespace p11::signature {

/// The longest DigestInfo of any digest in OpenSSL has 83 bytes (SHA-512).
using DigestInfo = std::array<unsigned char, 128>;

/// Writes the DER DigestInfo of `hash` (RFC 8017, section 9.2) and returns the part of `out` that
/// it fills. MD5-SHA1 has none, as in TLS 1.0. Throws UsageError for a digest without an OID.
pkcs11::ByteView digestInfo(const EVP_MD* digest, pkcs11::ByteView hash, DigestInfo& out);

/// EMSA-PKCS1-v1_5: `data` padded to `size` bytes. Throws UsageError if it is too long.
pkcs11::Bytes pkcs1Encode(pkcs11::ByteView data, std::size_t size);

/// EMSA-PSS for a modulus of `key`'s size. Throws UsageError if the salt does not fit.
pkcs11::Bytes pssEncode(const keymgmt::Key& key, pkcs11::ByteView hash, const EVP_MD* digest,
                        const EVP_MD* mgf1, int saltLength);

} // namespace p11::signature
