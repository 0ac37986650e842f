// Key references in files: a DER structure with a pkcs11 URI, in PEM under the label "PKCS#11
// PROVIDER URI". The form is that of pkcs11-provider, so that files can be moved between the two.
#pragma once

#include <optional>
#include <string>

#include "pkcs11/attributes.h"

namespace store {

inline constexpr const char* keyUriPemLabel = "PKCS#11 PROVIDER URI";
/// The name of the structure in OpenSSL's decoder chain.
inline constexpr const char* keyUriStructure = "pk11-uri";

/// SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String uri }
pkcs11::Bytes encodeKeyUri(const std::string& uri);

/// The URI in `der`, or nothing if it is another structure.
std::optional<std::string> decodeKeyUri(const pkcs11::Bytes& der);

} // namespace store
