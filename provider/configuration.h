// SPDX-License-Identifier: Apache-2.0
// Directives of the provider's section in openssl.cnf, and the corresponding environment variables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ossl/provider_context.h"

namespace p11::provider {

// These are read again at each call, because OpenSSL's first queries come before the settings are
// final.

/// True if the operation, by pkcs11-provider's name, must not be offered
/// (pkcs11-module-block-operations).
bool isBlocked(const ossl::Core& core, std::string_view operation);
/// pkcs11-module-load-behavior = early: true if the modules are loaded at the first query.
bool loadsEarly(const ossl::Core& core);
/// pkcs11-module-assume-fips: true if the algorithms have the property fips=yes.
bool assumesFips(const ossl::Core& core);
/// pkcs11-digest-token: true if digests are offered.
bool offersDigests(const ossl::ProviderContext& context);
/// pkcs11-symmetric-keys: true if AES keys and ciphers are offered.
bool offersSymmetricKeys(const ossl::ProviderContext& context);

/// Reads the environment, and later the directives of pkcs11-provider and of libp11's provider
/// (docs/configuration.md). The environment takes precedence, but is ignored in set-user-id
/// programs. Settings::problem names values that make no sense and a misspelt directive.
ossl::ProviderContext::ReadSettings readConfiguration(const ossl::Core& core);

/// A directive or an environment variable that is set.
struct GivenSetting {
    std::string name;
    std::string value; ///< "(a PIN)" in place of a PIN
    bool fromEnvironment = false;
    bool namesModule = false;
    std::string problem; ///< what is wrong with the value; empty if nothing is
};

/// What is set, in the order in which it is applied: a later one wins. For programs that explain
/// the configuration.
std::vector<GivenSetting> givenSettings(const ossl::Core& core);

/// A name in the provider's section that is no directive.
struct UnknownName {
    std::string name;
    std::string meant; ///< the directive that it resembles; empty if none
};

std::vector<UnknownName> unknownNames(const ossl::Core& core);

} // namespace p11::provider
