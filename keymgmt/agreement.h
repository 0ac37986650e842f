// SPDX-License-Identifier: Apache-2.0
// Key agreement by an EC, X25519 or X448 key on a token (PKCS#11 2.40, section 2.3.8, and 3.0,
// section 2.3.19).
#pragma once

#include <span>

#include <openssl/evp.h>

#include "keymgmt/key_types.h"
#include "keymgmt/refusals.h"
#include "pkcs11/bytes.h"
#include "pkcs11/object.h"

namespace p11::keymgmt {

/// The public value of `peer` as C_DeriveKey takes it: the uncompressed point of an EC key, or the
/// value of an X25519 or X448 key (RFC 7748). Throws UsageError.
pkcs11::Bytes peerValue(KeyType type, EVP_PKEY* peer);

/// The size of the secret that such a value leads to, which is that of a coordinate.
std::size_t secretSize(KeyType type, std::size_t peerValueSize);

/// Fills `out`, which has that size, with the secret shared by the private key `object` and the
/// `peer` value. `refusals` is the key's. Throws.
void agree(pkcs11::TokenObject& object, Refusals& refusals, CK_MECHANISM_TYPE mechanism,
           pkcs11::ByteView peer, pkcs11::MutableBytes out);

/// The same with what was found at `handle` in place of `object`, in a session at hand.
void agreeIn(pkcs11::Session& session, CK_OBJECT_HANDLE handle, const pkcs11::TokenObject& object,
             Refusals& refusals, pkcs11::ByteView peer, pkcs11::MutableBytes out);

} // namespace p11::keymgmt
