// SPDX-License-Identifier: Apache-2.0
// A search as a caller of OpenSSL makes it, who may be one of its asynchronous jobs.
#pragma once

#include <vector>

#include "store/search.h"

namespace p11::store {

struct SearchResult {
    std::vector<Entry> entries;
    std::vector<LeftOut> leftOut;
};

/// Search::run(). Inside a job a worker does it, which does not ask for a PIN: the job does, with
/// `callback`, and the search is made again. Throws what Search throws.
SearchResult runSearch(ossl::ProviderContext& context, const uri::Uri& uri, Expectation expectation,
                       const Criterion& criterion, tokens::PassphraseCallback callback);

} // namespace p11::store
