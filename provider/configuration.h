// Directives of the provider's section in openssl.cnf, and the environment variables that go with
// them.
#pragma once

#include <string>
#include <vector>

#include "ossl/core.h"
#include "ossl/settings.h"

namespace provider {

/// Reads the directives of pkcs11-provider and of libp11's provider (docs/configuration.md). The
/// environment is ignored in set-user-id programs. Throws UsageError, which names the directive,
/// for values that make no sense and for misspelt directives.
ossl::Settings readSettings(const ossl::Core& core);

} // namespace provider
