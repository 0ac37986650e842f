// SPDX-License-Identifier: Apache-2.0
// Secrets that keys on the token and keys in software agree on, for the tests of key agreement.
#pragma once

#include <functional>
#include <string>

#include <openssl/ec.h>

#include "fixture.h"

namespace testing_support {

using Calls = std::map<std::string, unsigned long>;
/// What one derivation costs.
extern const Calls oneDerivation;

/// A pair of `group` in memory, of whichever provider `libctx` takes.
p11::ossl::Pkey generate(OSSL_LIB_CTX* libctx, const std::string& group);
std::string groupOf(EVP_PKEY* key);
/// Made in software; null if `point` does not lie on the group's curve.
p11::ossl::Pkey publicKeyOf(const std::string& group, const Bytes& point);
/// A key's public half, as it comes from a file, in `libctx`.
p11::ossl::Pkey publicHalf(OSSL_LIB_CTX* libctx, EVP_PKEY* key);

/// What is set in a context before the peer is; false on failure.
using Options = std::function<bool(EVP_PKEY_CTX*)>;
bool none(EVP_PKEY_CTX*);
/// The X9.63 KDF with `size` bytes of output, as CMS sets it, and with sharedInfo.
Options kdf(const char* digest, int size, bool info = true);
extern const Bytes sharedInfo;
Options cofactor(int mode);

/// A context for a derivation with `key`; null on failure.
p11::ossl::PkeyCtx begin(OSSL_LIB_CTX* libctx, EVP_PKEY* key);
/// The secret; empty on failure.
Bytes finish(EVP_PKEY_CTX* context);
/// Both, with `peer`.
Bytes derive(OSSL_LIB_CTX* libctx, EVP_PKEY* key, EVP_PKEY* peer, const Options& options = none);
/// The same with the file that the key on the token was made from, without the provider.
Bytes deriveInSoftware(const std::string& label, EVP_PKEY* peer, const Options& options = none);

/// Puts the EC `pair` on the scenario token in place of what is called `label`: a private key that
/// may derive and, if `signs`, sign, without a public object.
void putOnToken(EVP_PKEY* pair, const std::string& label, bool signs = false);
/// The same on the token that `writer` writes to.
void putOnToken(TokenWriter& writer, EVP_PKEY* pair, const std::string& label, bool signs);
/// A new pair of `group` that is put there; the result is the one in memory.
p11::ossl::Pkey newOnToken(const std::string& group, const std::string& label, bool signs = false);

} // namespace testing_support
