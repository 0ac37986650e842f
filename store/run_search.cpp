// SPDX-License-Identifier: Apache-2.0
#include "store/run_search.h"

#include <cstdint>
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
using Answer = std::optional<std::optional<pkcs11::Pin>>;

// The callback and its argument are the job's, and may be gone: the worker does not use them.
Outcome searchWith(const Query& query, const Answer& answer) {
    try {
        return query.run([&answer](const std::string& prompt) {
            if (!answer)
                throw PinIsNeeded{prompt};
            return *answer;
        });
    } catch (const PinIsNeeded& needed) {
        return needed;
    }
}

Outcome searchInWorker(Query query, Answer answer) {
    const auto& context = query.context;
    return ossl::runForJob<Outcome>(context, {&context, SIZE_MAX},
                                    [query = std::move(query), answer = std::move(answer)] {
                                        return searchWith(query, answer);
                                    });
}

Answer askFor(const std::string& prompt, tokens::PassphraseCallback callback) {
    const auto ask = tokens::askWith(callback);
    return {ask ? ask(prompt) : std::nullopt};
}

SearchResult searchForJob(const Query& query, tokens::PassphraseCallback callback) {
    auto outcome = searchInWorker(query, {});
    if (const auto* needed = std::get_if<PinIsNeeded>(&outcome))
        outcome = searchInWorker(query, askFor(needed->prompt, callback));
    return std::get<SearchResult>(std::move(outcome));
}

} // namespace

SearchResult runSearch(ossl::ProviderContext& context, const uri::Uri& uri, Expectation expectation,
                       const Criterion& criterion, tokens::PassphraseCallback callback) {
    const Query query{context, uri, expectation, criterion};
    return ossl::insideJob() ? searchForJob(query, callback) : query.run(tokens::askWith(callback));
}

} // namespace p11::store
