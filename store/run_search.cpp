// SPDX-License-Identifier: Apache-2.0
#include "store/run_search.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "ossl/job.h"
#include "pkcs11/trace.h"

namespace p11::store {
namespace {

/// What a search needs that may outlive its caller.
struct Query {
    ossl::ProviderContext& context;
    uri::Uri uri;
    Expectation expectation;
    Criterion criterion;

    SearchResult run(tokens::AskForPin ask) const {
        const pkcs11::trace::Step step([this] { return "search " + uri.withoutPin(); });
        Search search(context, uri, expectation, criterion, std::move(ask));
        SearchResult result{search.run(), {}};
        result.leftOut = search.leftOut();
        return result;
    }
};

/// Ends a search that cannot go on without a PIN from somebody.
struct PinIsNeeded {
    std::string prompt;
};

using Outcome = std::variant<SearchResult, PinIsNeeded>;

/// To prompts, of which there is one for each token.
using Answers = std::map<std::string, std::optional<pkcs11::Pin>>;

Outcome outcomeOf(const Query& query, const tokens::AskForPin& ask) {
    try {
        return query.run(ask);
    } catch (const PinIsNeeded& needed) {
        return needed;
    }
}

Outcome searchInWorker(Query query, tokens::AskForPin ask) {
    const auto& context = query.context;
    return ossl::runForJob<Outcome>(
        context, {&context, SIZE_MAX},
        [query = std::move(query), ask = std::move(ask)] { return outcomeOf(query, ask); });
}

// The callback and its argument are the job's, and may be gone: the worker does not use them.
SearchResult searchForJob(const Query& query, tokens::PassphraseCallback callback) {
    const auto ask = tokens::askWith(callback);
    for (Answers answers;;) {
        auto outcome = searchInWorker(query, [answers](const std::string& prompt) {
            const auto known = answers.find(prompt);
            if (known == answers.end())
                throw PinIsNeeded{prompt};
            return known->second;
        });
        const auto* needed = std::get_if<PinIsNeeded>(&outcome);
        if (needed == nullptr)
            return std::get<SearchResult>(std::move(outcome));
        answers[needed->prompt] = ask ? ask(needed->prompt) : std::nullopt;
    }
}

} // namespace

SearchResult runSearch(ossl::ProviderContext& context, const uri::Uri& uri, Expectation expectation,
                       const Criterion& criterion, tokens::PassphraseCallback callback) {
    context.settings(); // whether there is a log at all
    const Query query{context, uri, expectation, criterion};
    return ossl::insideJob() ? searchForJob(query, callback) : query.run(tokens::askWith(callback));
}

} // namespace p11::store
