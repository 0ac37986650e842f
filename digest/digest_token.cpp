// SPDX-License-Identifier: Apache-2.0
#include "digest/digest_token.h"

#include "pkcs11/recovery.h"
#include "tokens/object_search.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"

namespace p11::digest {

// If two threads come first, both search and find the same token.
pkcs11::Token& tokenOf(ossl::ProviderContext& provider) {
    if (auto* known = provider.digestToken())
        return *known;
    const auto& settings = provider.settings();
    if (!settings.problem.empty())
        throw ossl::UsageError(ossl::Reason::parameter, settings.problem);
    const pkcs11::trace::Step step([] { return std::string("find the token for digests"); });
    const auto uri = tokens::parseUri(settings.digestToken);
    auto& found = tokens::TokenSearch(provider, uri).onlyToken();
    provider.setDigestToken(found);
    return found;
}

pkcs11::LogIn loginOf(const ossl::ProviderContext& provider) {
    return [&provider](pkcs11::Session& session) {
        const auto uri = tokens::parseUri(provider.settings().digestToken);
        tokens::logIn(session, tokens::pinSource(uri, provider, session.sessionPool().token(), {}));
    };
}

void requireMechanism(pkcs11::Token& token, CK_MECHANISM_TYPE mechanism, const char* name) {
    const bool offers = pkcs11::withSessionPool(
        token, [mechanism](const auto& pool) { return pool->mechanisms().offers(mechanism); });
    if (!offers)
        throw pkcs11::Error(pkcs11::Failure::unsupported,
                            token.describe() + " has no digest " + name, CKR_MECHANISM_INVALID);
}

} // namespace p11::digest
