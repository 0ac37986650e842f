// SPDX-License-Identifier: Apache-2.0
// CKA_EC_PARAMS in the forms that tokens have of it.
#pragma once

#include <optional>
#include <string>

#include "keymgmt/key_types.h"
#include "pkcs11/attributes.h"

namespace p11::keymgmt {

/// OpenSSL's number (NID) of the curve: CKA_EC_PARAMS is its OID, or the PrintableString of PKCS#11
/// 3.0, section 2.3.3. NID_undef for explicit parameters and unknown curves.
int curveOf(const pkcs11::Bytes& params);

/// The OID in CKA_EC_PARAMS, as text with dots. Empty for names and explicit parameters.
std::string oidTextOf(const pkcs11::Bytes& params);

/// The type whose keys are all on that curve. Nothing for the curves of EC keys.
std::optional<KeyType> typeOfCurve(int nid);

/// The DER OID of a curve. Throws UsageError.
pkcs11::Bytes oidOf(int nid);

/// A curve's name as a DER PrintableString. Throws UsageError.
pkcs11::Bytes printable(const char* name);

} // namespace p11::keymgmt
