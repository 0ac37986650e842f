// SPDX-License-Identifier: Apache-2.0
// Key references in files: a DER structure with a pkcs11 URI, in PEM with the label "PKCS#11
// PROVIDER URI". The format is pkcs11-provider's, so that both can read the files. It needs nothing
// of the provider, because pkcs11-uri2pem writes the same files. Safe in any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openssl/bio.h>

#include "pkcs11/bytes.h"

namespace p11::store {

inline constexpr const char* keyUriPemLabel = "PKCS#11 PROVIDER URI";
/// The name of the structure in OpenSSL's decoder chain.
inline constexpr const char* keyUriStructure = "pk11-uri";

/// SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String uri }. Throws
/// std::runtime_error if OpenSSL cannot make it.
std::vector<unsigned char> encodeKeyUri(const std::string& uri);

/// Writes the PEM block of `uri`. False if that fails.
bool writeKeyUriPem(BIO* out, const std::string& uri);

/// The URI in `der`; nothing if it is another structure. It may contain a PIN: the caller wipes it.
std::optional<std::string> decodeKeyUri(pkcs11::ByteView der);

} // namespace p11::store
