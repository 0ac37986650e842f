// SPDX-License-Identifier: Apache-2.0
#include "rng/token_random.h"

#include <algorithm>

#include <openssl/rand.h>

#include "ossl/secret.h"
#include "pkcs11/recovery.h"
#include "tokens/token_search.h"

namespace p11::rng {
namespace {

// The least that is asked for, because so many zeros do not come by chance.
constexpr std::size_t shortestRequest = 16;
constexpr unsigned ownStrength = 256; // bits

bool hasGenerator(const pkcs11::Token& token) {
    return (token.info().flags & CKF_RNG) != 0;
}

// Without a name, the only one that has a generator.
pkcs11::Token& findToken(ossl::ProviderContext& provider) {
    if (!provider.settings().problem.empty())
        throw ossl::UsageError(ossl::Reason::parameter, provider.settings().problem);
    const pkcs11::trace::Step step([] { return std::string("find the token for random numbers"); });
    const auto& named = provider.settings().randomToken;
    if (named.empty() && !provider.settings().loadEarly)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "PKCS11-RAND needs pkcs11-random-token, or "
                               "pkcs11-module-load-behavior = early and one token");
    const auto uri = tokens::parseUri(named.empty() ? "pkcs11:" : named);
    const tokens::TokenSearch search(provider, uri);
    auto fitting = search.tokens();
    if (named.empty() || fitting.size() == 1)
        std::erase_if(fitting, [](const auto* token) { return !hasGenerator(*token); });
    if (fitting.empty())
        throw pkcs11::Error(pkcs11::Failure::unsupported,
                            search.describe() + " has no random number generator (CKF_RNG)");
    if (fitting.size() > 1)
        throw pkcs11::Error(pkcs11::Failure::ambiguous,
                            "several tokens fit pkcs11-random-token; name one of them: " +
                                search.describe());
    return *fitting.front();
}

// If two threads come first, both search and find the same token.
pkcs11::Token& token(ossl::ProviderContext& provider) {
    auto* known = provider.randomToken();
    if (known != nullptr)
        return *known;
    auto& found = findToken(provider);
    provider.setRandomToken(found);
    return found;
}

void generate(pkcs11::Token& token, pkcs11::MutableBytes out) {
    pkcs11::withSessionPool(token, [&](const auto& pool) {
        pkcs11::Session session = pool->take();
        session.template require<&pkcs11::List::C_GenerateRandom>(out.data(), CK_ULONG{out.size()});
    });
}

// There must be enough bytes, because a single one may well be zero.
void refuseZeros(const pkcs11::Token& token, pkcs11::ByteView bytes) {
    if (std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; }))
        throw pkcs11::Error(pkcs11::Failure::call,
                            "C_GenerateRandom returned only zeros for " + token.describe(),
                            CKR_GENERAL_ERROR);
}

// The child library context knows nothing of the application's choice of a generator.
void generateInSoftware(const ossl::ProviderContext& provider, pkcs11::MutableBytes out) {
    if (RAND_bytes_ex(provider.libctx(), out.data(), out.size(), ownStrength) != 1)
        throw ossl::UsageError(ossl::Reason::internal, "OpenSSL's own generator failed");
}

} // namespace

void fill(ossl::ProviderContext& provider, pkcs11::MutableBytes out) {
    ossl::SecretBytes made(std::max(out.size(), shortestRequest));
    if (pkcs11::Module::insideCall()) {
        generateInSoftware(provider, made.all());
    } else {
        auto& source = token(provider);
        for (auto rest = made.all(); !rest.empty();) {
            const auto part = rest.first(std::min(rest.size(), longestRequest));
            generate(source, part);
            rest = rest.subspan(part.size());
        }
        refuseZeros(source, made.view());
    }
    std::copy_n(made.data(), out.size(), out.begin());
}

} // namespace p11::rng
