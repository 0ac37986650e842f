// SPDX-License-Identifier: Apache-2.0
// Directives of the provider's section in openssl.cnf, and the environment variables that go with
// them.
#pragma once

#include <string_view>

#include "ossl/context.h"

namespace provider {

// These are read anew at each call: OpenSSL's first queries come before the settings are final.

/// Is the operation, by pkcs11-provider's name, not to be offered (pkcs11-module-block-operations)?
bool isBlocked(const ossl::Core& core, std::string_view operation);
/// pkcs11-module-load-behavior = early: are the modules loaded at the first query?
bool loadsEarly(const ossl::Core& core);
/// pkcs11-module-assume-fips: are the algorithms offered with the property fips=yes?
bool assumesFips(const ossl::Core& core);
/// pkcs11-random-token: is there a generator?
bool offersRandom(const ossl::Core& core);
/// pkcs11-symmetric-keys: are AES keys and ciphers wished for?
bool offersSymmetricKeys(const ossl::Core& core);

/// What reads the directives of pkcs11-provider and of libp11's provider (docs/configuration.md),
/// with the environment as it is now over them; that is ignored in set-user-id programs. A value
/// that makes no sense and a misspelt directive are named in Settings::problem.
ossl::Context::ReadSettings settingsReader();

} // namespace provider
