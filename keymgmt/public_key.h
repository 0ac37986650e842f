// SPDX-License-Identifier: Apache-2.0
// Public keys made of what a token says about them, in OpenSSL's own form.
#pragma once

#include <optional>
#include <span>

#include "keymgmt/key_type.h"
#include "ossl/context.h"
#include "pkcs11/attributes.h"

namespace keymgmt {

/// PKCS#11 3.0, which p11-kit's header of 2.40 lacks.
constexpr CK_KEY_TYPE ckkEcMontgomery = 0x41;

/// What is read of a key when it is found. CKA_ALLOWED_MECHANISMS is left out on demand.
std::span<const CK_ATTRIBUTE_TYPE> keyAttributes(bool withAllowedMechanisms);

/// The type of the key that `attributes` describe (CKA_KEY_TYPE, CKA_ALLOWED_MECHANISMS,
/// CKA_EC_PARAMS, CKA_PARAMETER_SET); nothing if this provider does not handle it.
std::optional<KeyType> typeOf(const pkcs11::Attributes& attributes);

/// True if one of OpenSSL's own providers has keys of `type`: all but those of `parameterSets` are
/// in each version of OpenSSL 3.
bool isKnown(const ossl::Context& context, KeyType type);

/// The public key in `attributes`: modulus and exponent, point and parameters, or
/// CKA_PUBLIC_KEY_INFO. Null where they do not tell it, or tell nonsense.
ossl::Pkey publicKeyOf(const ossl::Context& context, KeyType type,
                       const pkcs11::Attributes& attributes);

/// A key that answers for sizes and the group, though not for the public value: from the modulus or
/// the EC parameters alone. Null where even those are missing.
ossl::Pkey shapeOf(const ossl::Context& context, KeyType type,
                   const pkcs11::Attributes& attributes);

/// The public key of a DER certificate; null if it can't be read.
ossl::Pkey publicKeyOfCertificate(const ossl::Context& context, const pkcs11::Bytes& der);

/// A public key of a type whose public value is a string of bytes (ED25519, X25519 ...). Null if it
/// is no such value.
ossl::Pkey keyFromRaw(const ossl::Context& context, KeyType type,
                      std::span<const unsigned char> value);

/// A key made of OpenSSL parameters (EVP_PKEY_fromdata(3)), for imports. Null on failure.
ossl::Pkey keyFromParams(const ossl::Context& context, KeyType type, int selection,
                         OSSL_PARAM* params);

} // namespace keymgmt
