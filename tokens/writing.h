// SPDX-License-Identifier: Apache-2.0
// Work that changes a token.
#pragma once

#include "pkcs11/attributes.h"
#include "tokens/object_search.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"

namespace p11::tokens {

/// True if `uri` has a label or an id. An empty one, for example from an unset variable, does not
/// count.
bool namesObject(const uri::Uri& uri);

/// A new key's CKA_ID if the caller names none: 16 random bytes. Throws ossl::UsageError.
pkcs11::Bytes randomId(const ossl::ProviderContext& context);

/// Runs `work(session)` in a read/write session of the only token that `uri` names, after a login
/// if the token needs one. It may run again after a loss (pkcs11/recovery.h), but not once
/// something may have changed. Throws pkcs11::Error, also if no token or several fit.
template <typename Work>
auto write(ossl::ProviderContext& context, const uri::Uri& uri, PassphraseCallback callback,
           Work&& work) {
    const TokenSearch search(context, uri);
    auto& token = search.onlyToken();
    const auto pins = pinSource(uri, context, token, askWith(callback));
    return pkcs11::withSessionPool(token, [&](const auto& pool) {
        pkcs11::Session session = pool->takeWritable();
        if (pool->loginRequired())
            logIn(session, pins);
        return work(session);
    });
}

} // namespace p11::tokens
