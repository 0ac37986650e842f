// TLS groups (provider-base(7), "CAPABILITIES").
#pragma once

#include <openssl/core.h>

#include "ossl/context.h"

namespace provider {

/// libssl offers a group only if the provider that names it is also the one whose keymgmt makes the
/// group's keys. Where this provider's keymgmt for EC, X25519 and X448 comes first, nobody else's
/// groups of these types would be left, and TLS would lose them; so those of the other providers
/// are named here again. Returns the
/// callback's 0, or 1.
int getCapabilities(ossl::Context& context, const char* capability, OSSL_CALLBACK* callback,
                    void* arg);

} // namespace provider
