// SPDX-License-Identifier: Apache-2.0
// OpenSSL's own keys, made of what tokens and callers have. The values of each family are read in
// its own file (keymgmt/key_family.h).
#pragma once

#include <optional>
#include <span>

#include "keymgmt/key_types.h"
#include "ossl/provider_context.h"
#include "pkcs11/attributes.h"
#include "pkcs11/bytes.h"

namespace p11::keymgmt {

/// The public key of a DER certificate; null if it cannot be read.
ossl::Pkey publicKeyOfCertificate(const ossl::ProviderContext& context, const pkcs11::Bytes& der);

/// The public key in CKA_PUBLIC_KEY_INFO; null if it is missing, or of another type.
ossl::Pkey publicKeyOfInfo(const ossl::ProviderContext& context, KeyType type,
                           const pkcs11::Attributes& attributes);

/// A public key of a type whose public value is a byte string (ED25519, X25519, ML-DSA-65 ...).
/// Null if the value is invalid.
ossl::Pkey keyFromRaw(const ossl::ProviderContext& context, KeyType type, pkcs11::ByteView value);

/// A key from OpenSSL parameters (EVP_PKEY_fromdata(3)), for imports. Null on failure.
ossl::Pkey keyFromParams(const ossl::ProviderContext& context, KeyType type, int selection,
                         OSSL_PARAM* params);
/// The same from a builder's. Null on failure.
ossl::Pkey keyFromBuilder(const ossl::ProviderContext& context, KeyType type, int selection,
                          OSSL_PARAM_BLD* builder);

/// The contents of the DER OCTET STRING that fills `bytes`. Nothing for other data: some tokens
/// give the raw value, without the wrapping.
std::optional<pkcs11::Bytes> unwrapped(const pkcs11::Bytes& bytes);

} // namespace p11::keymgmt
