// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokens/object_uris.h"
#include "tokens/token_search.h"
#include "tools/doctor/checks.h"
#include "tools/inspection/uri_parts.h"

namespace p11::tools::doctor {
namespace {

using inspection::SeenToken;

std::string labelsOf(const std::vector<SeenToken>& tokens) {
    std::vector<std::string> labels;
    labels.reserve(tokens.size());
    for (const auto& seen : tokens)
        labels.push_back("\"" + seen.label() + "\"");
    return tokens::join(labels);
}

void tellPart(Report& report, const std::string& part, const std::vector<SeenToken>& fit,
              const std::vector<SeenToken>& all) {
    if (!fit.empty())
        return report.ok(part + " fits " + std::to_string(fit.size()) + " of " +
                         std::to_string(all.size()) + " tokens: " + labelsOf(fit));
    const auto nearest = inspection::nearestValue(part, all);
    report.fail(part + " fits no token; tokens present: " + (all.empty() ? "none" : labelsOf(all)),
                nearest.empty() ? "compare the value with the tokens above"
                                : "did you mean " + nearest + "?");
}

// Those that the settings let share their keys.
std::vector<SeenToken> replicasAmong(std::vector<SeenToken> fit, const uri::Uri& uri,
                                     const ossl::Settings& settings) {
    if (tokens::replicasOf(uri, settings) == ossl::Replicas::off)
        return {};
    const auto& names = settings.replicaTokens;
    std::erase_if(fit, [&names](const SeenToken& seen) {
        return !names.empty() && std::ranges::none_of(names, [&seen](const std::string& name) {
            return tokens::isCalled(seen.info, name);
        });
    });
    return fit;
}

} // namespace

std::vector<SeenToken> checkUri(Report& report, const uri::Uri& uri,
                                const std::vector<SeenToken>& tokens,
                                const ossl::Settings& settings) {
    report.section("uri");
    bool eachFits = true;
    for (const auto& part : inspection::tokenParts(uri)) {
        const auto fit = inspection::fitting(tokens::parseUri(inspection::uriOfPart(part)), tokens);
        tellPart(report, part, fit, tokens);
        eachFits = eachFits && !fit.empty();
    }
    auto fit = inspection::fitting(uri, tokens);
    if (fit.empty() && eachFits && !tokens.empty())
        report.fail("each part fits a token, but no token fits all parts",
                    "remove the part that does not belong to the token that you mean");
    if (fit.size() > 1)
        if (auto replicas = replicasAmong(fit, uri, settings); !replicas.empty()) {
            report.ok("the tokens that share the key: " + labelsOf(replicas));
            return replicas;
        }
    if (fit.size() > 1)
        report.warn("several tokens fit: " + labelsOf(fit) +
                        "; the provider logs in only where one fits",
                    "add token= or serial=, or set pkcs11-replicas if they have the same key");
    if (fit.size() == 1)
        report.ok("the URI's token is " + labelsOf(fit) + " in slot " +
                  std::to_string(fit.front().slot) + " of " + fit.front().module->name());
    return fit;
}

} // namespace p11::tools::doctor
