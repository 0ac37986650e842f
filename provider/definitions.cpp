// SPDX-License-Identifier: Apache-2.0
#include "provider/definitions.h"

#include <algorithm>
#include <cctype>

#include "ossl/provider_context.h"

namespace p11::provider {
namespace {

bool needsNoQuotes(unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '/';
}

} // namespace

std::string definitionOf(std::string_view name, bool fips) {
    const bool isPlain = !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) != 0 &&
                         std::all_of(name.begin(), name.end(), needsNoQuotes);
    const std::string_view quote = isPlain ? "" : name.find('\'') == name.npos ? "'" : "\"";
    std::string definition = "provider=";
    definition.append(quote).append(name).append(quote);
    definition.append(",").append(ossl::ProviderContext::ownProperty);
    return definition + (fips ? ",fips=yes" : "");
}

DefinedAlgorithms::DefinedAlgorithms(const OSSL_ALGORITHM* algorithms,
                                     const std::string& definition) {
    for (; algorithms->algorithm_names != nullptr; ++algorithms) {
        const std::string_view more = algorithms->property_definition;
        properties_.push_back(definition + (more.empty() ? "" : ",") + std::string(more));
        table_.push_back(*algorithms);
        table_.back().property_definition = properties_.back().c_str();
    }
    table_.push_back(*algorithms);
}

} // namespace p11::provider
