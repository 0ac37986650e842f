// SPDX-License-Identifier: Apache-2.0
// What an RSA key on a token is to OpenSSL: "RSA", or "RSA-PSS", which signs with PSS padding alone
// and whose certificates are id-RSASSA-PSS ones (RFC 4055).
#pragma once

#include <optional>

#include "keymgmt/key_types.h"
#include "ossl/provider_context.h"
#include "pkcs11/attributes.h"
#include "pkcs11/session_pool.h"

namespace p11::keymgmt {

/// True if CKA_ALLOWED_MECHANISMS has PSS mechanisms alone. Such a key may be either: public
/// authorities issue rsaEncryption certificates only.
bool signsPssAlone(const pkcs11::Attributes& attributes);

/// The same of the key with that type and those attributes: RSA-PSS keys do, and others than RSA
/// do not.
bool signsPssAlone(KeyType type, const pkcs11::Attributes& attributes);

/// The attributes of the private key of the RSA public key with `publicAttributes`, if `session`
/// sees it; nothing otherwise. Throws pkcs11::Error.
std::optional<pkcs11::Attributes> privateHalf(pkcs11::Session& session,
                                              const pkcs11::Attributes& publicAttributes);

/// The type of the RSA key with `attributes`, of its private half if that is known: what the
/// certificate beside it says, or CKA_PUBLIC_KEY_INFO, its own or that of its public key; RSA where
/// nothing does.
/// Searches in `session`. Throws pkcs11::Error.
KeyType rsaTypeOf(pkcs11::Session& session, const pkcs11::Attributes& attributes);

/// The same as far as its own CKA_PUBLIC_KEY_INFO tells; nothing where it does not.
std::optional<KeyType> rsaTypeOf(const pkcs11::Attributes& attributes);

/// A number of an RSA key (OSSL_PKEY_PARAM_RSA_N ...); null if the key lacks it.
ossl::Bignum rsaNumberOf(EVP_PKEY* key, const char* name);

/// A public key of one of the two types. Null on failure.
ossl::Pkey rsaKey(const ossl::ProviderContext& context, KeyType type, const BIGNUM* modulus,
                  const BIGNUM* exponent);

/// `key` with the other of the two types where it is the one: an RSA key on a token is what the
/// user or its private half says, whatever its certificate is. Other keys stay. Null on failure.
ossl::Pkey asRsaType(const ossl::ProviderContext& context, ossl::Pkey key, KeyType type);

} // namespace p11::keymgmt
