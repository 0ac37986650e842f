// SPDX-License-Identifier: Apache-2.0
// How a private key on a token proves that a public key is its own: it signs, agrees on a secret,
// or decapsulates, and the public key verifies or comes to the same secret. Each family
// (keymgmt/key_family.h) says which.
#pragma once

#include <array>
#include <span>

#include <openssl/evp.h>

#include "keymgmt/key_types.h"
#include "keymgmt/refusals.h"
#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"
#include "pkcs11/object.h"

namespace p11::keymgmt {

using pkcs11::ByteView;

/// A private key that was found at `handle`, in an open session.
struct FoundKey {
    const ossl::ProviderContext& context;
    KeyType type;
    const pkcs11::TokenObject& object; ///< what was looked for
    Refusals& refusals;
    pkcs11::Session& session;
    CK_OBJECT_HANDLE handle;
};

/// Signs `data`, and notes that the token takes the mechanism. Throws pkcs11::Error.
pkcs11::Bytes signWith(const FoundKey& key, const CK_MECHANISM& mechanism, ByteView data);

/// Random data to sign. Throws UsageError.
std::array<unsigned char, 32> makeChallenge(const ossl::ProviderContext& context);

/// True if `error` says that the key may not sign, or not with that mechanism.
bool mayNotSign(const Refusals& refusals, const pkcs11::Error& error, CK_MECHANISM_TYPE mechanism);

/// True if `candidate` verifies the signature of a hash, or of a message.
bool verifiesHash(const ossl::ProviderContext& context, EVP_PKEY* candidate, ByteView hash,
                  ByteView signature);
bool verifiesMessage(const ossl::ProviderContext& context, EVP_PKEY* candidate, ByteView message,
                     ByteView signature);

/// True if `key` and `candidate` come to the same secret with a pair that is made for this. For EC
/// and Montgomery keys. Throws pkcs11::Error.
bool agreesWith(const FoundKey& key, EVP_PKEY* candidate);

} // namespace p11::keymgmt
