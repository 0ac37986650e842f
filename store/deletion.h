// SPDX-License-Identifier: Apache-2.0
// Deleting objects from tokens.
#pragma once

#include "ossl/provider_context.h"
#include "tokens/pin_source.h"

namespace p11::store {

/// Destroys what `uri` names: one object, or both halves of one key pair; with `all`, everything
/// that fits. Throws pkcs11::Error if nothing fits, or if more fits, which it names.
void destroy(ossl::ProviderContext& context, const uri::Uri& uri, bool all,
             tokens::PassphraseCallback callback);

} // namespace p11::store
