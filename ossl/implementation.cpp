// SPDX-License-Identifier: Apache-2.0
#include "ossl/implementation.h"

#include <algorithm>

#include <strings.h>

namespace p11::ossl {
namespace {

bool isNamed(const char* names, std::string_view name) {
    std::string_view rest(names);
    while (!rest.empty()) {
        const auto one = rest.substr(0, rest.find(':'));
        if (one.size() == name.size() && strncasecmp(one.data(), name.data(), name.size()) == 0)
            return true;
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
    return false;
}

} // namespace

Implementation::Implementation(const OSSL_PROVIDER* provider, int operation, std::string_view name)
    : provctx_(OSSL_PROVIDER_get0_provider_ctx(provider)) {
    int noCache = 0;
    const auto* all = OSSL_PROVIDER_query_operation(provider, operation, &noCache);
    for (const auto* next = all; next != nullptr && next->algorithm_names != nullptr; ++next)
        if (isNamed(next->algorithm_names, name)) {
            functions_ = next->implementation;
            break;
        }
    OSSL_PROVIDER_unquery_operation(provider, operation, all);
}

void (*Implementation::find(int id) const)(void) {
    for (const auto* next = functions_; next != nullptr && next->function_id != 0; ++next)
        if (next->function_id == id)
            return next->function;
    return nullptr;
}

} // namespace p11::ossl
