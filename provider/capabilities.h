// SPDX-License-Identifier: Apache-2.0
// TLS groups and signature algorithms (provider-base(7), "CAPABILITIES").
#pragma once

#include <openssl/core.h>

#include "ossl/provider_context.h"

namespace p11::provider {

/// libssl offers a group or a signature algorithm only if the provider that names it is also the
/// one whose keymgmt it gets for the keys. If this provider's keymgmt comes first, TLS would lose
/// the EC, X25519 and ML-KEM groups and the ML-DSA signatures of all others. So those of the other
/// providers are named here again. Returns the callback's 0, or 1.
int getCapabilities(ossl::ProviderContext& context, const char* capability, OSSL_CALLBACK* callback,
                    void* arg);

} // namespace p11::provider
