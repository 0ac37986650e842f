// SPDX-License-Identifier: Apache-2.0
// Key references in files: a DER structure with a pkcs11 URI, in PEM under the label "PKCS#11
// PROVIDER URI". The form is that of pkcs11-provider, so that files can be moved between the two.
// Needs nothing of the provider: pkcs11-uri2pem writes the same files. Safe in any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <openssl/bio.h>

namespace store {

inline constexpr const char* keyUriPemLabel = "PKCS#11 PROVIDER URI";
/// The name of the structure in OpenSSL's decoder chain.
inline constexpr const char* keyUriStructure = "pk11-uri";

/// SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String uri }. Throws
/// std::runtime_error if OpenSSL can't make it.
std::vector<unsigned char> encodeKeyUri(const std::string& uri);

/// Writes the PEM block of `uri`; whether that went well.
bool writeKeyUriPem(BIO* out, const std::string& uri);

/// The URI in `der`, or nothing if it is another structure. It may hold a PIN: the caller wipes it.
std::optional<std::string> decodeKeyUri(std::span<const unsigned char> der);

} // namespace store
