// SPDX-License-Identifier: Apache-2.0
// Which token makes digests.
#pragma once

#include "ossl/provider_context.h"
#include "pkcs11/digest.h"

namespace p11::digest {

/// The token that the directive pkcs11-digest-token names. It is searched for once for each
/// provider instance. Thread-safe. Throws UsageError and pkcs11::Error, also if no token or several
/// fit.
pkcs11::Token& tokenOf(ossl::ProviderContext& provider);

/// Logs in to that token with the PIN that the directive or the configuration gives.
pkcs11::LogIn loginOf(const ossl::ProviderContext& provider);

/// Throws pkcs11::Error unless `token` offers `mechanism`, whose digest is called `name`. Asks the
/// token once for each session pool.
void requireMechanism(pkcs11::Token& token, CK_MECHANISM_TYPE mechanism, const char* name);

} // namespace p11::digest
