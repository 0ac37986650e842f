// SPDX-License-Identifier: Apache-2.0
// Public keys from a token's attributes, as OpenSSL's own keys.
#pragma once

#include <optional>
#include <span>

#include "keymgmt/key_type.h"
#include "ossl/context.h"
#include "pkcs11/attributes.h"

namespace keymgmt {

/// The attributes that are read when a key is found. CKA_ALLOWED_MECHANISMS can be left out.
std::span<const CK_ATTRIBUTE_TYPE> keyAttributes(bool withAllowedMechanisms);

/// The type of the key that `attributes` describe (CKA_KEY_TYPE, CKA_PUBLIC_KEY_INFO,
/// CKA_EC_PARAMS, CKA_PARAMETER_SET); nothing if this provider does not handle it. What else tells
/// of RSA keys is in keymgmt/rsa_type.h.
std::optional<KeyType> typeOf(const pkcs11::Attributes& attributes);

/// True if one of OpenSSL's own providers has keys of `type`. Every version of OpenSSL 3 has all
/// types except those of `parameterSets`.
bool isKnown(const ossl::Context& context, KeyType type);

/// The public key in `attributes`: modulus and exponent, point and parameters, or
/// CKA_PUBLIC_KEY_INFO. Null if they lack it or make no sense.
ossl::Pkey publicKeyOf(const ossl::Context& context, KeyType type,
                       const pkcs11::Attributes& attributes);

/// A key that gives sizes and the group, but not the public value: from the modulus or the EC
/// parameters alone. Null if even those are missing.
ossl::Pkey shapeOf(const ossl::Context& context, KeyType type,
                   const pkcs11::Attributes& attributes);

/// The public key of a DER certificate; null if it cannot be read.
ossl::Pkey publicKeyOfCertificate(const ossl::Context& context, const pkcs11::Bytes& der);

/// A public key of a type whose public value is a byte string (ED25519, X25519 ...). Null if the
/// value is invalid.
ossl::Pkey keyFromRaw(const ossl::Context& context, KeyType type,
                      std::span<const unsigned char> value);

/// A key from OpenSSL parameters (EVP_PKEY_fromdata(3)), for imports. Null on failure.
ossl::Pkey keyFromParams(const ossl::Context& context, KeyType type, int selection,
                         OSSL_PARAM* params);

} // namespace keymgmt
