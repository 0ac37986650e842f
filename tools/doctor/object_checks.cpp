// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "ossl/words.h"
#include "pkcs11/token.h"
#include "tokens/object_search.h"
#include "tokens/object_uris.h"
#include "tokens/pin_source.h"
#include "tools/doctor/checks.h"

namespace p11::tools::doctor {
namespace {

using inspection::SeenObject;
using inspection::SeenToken;

/// A part of the URI that selects objects.
struct Part {
    std::string shown;
    pkcs11::ObjectQuery query;
};

std::vector<Part> partsOf(const uri::Uri& uri) {
    std::vector<Part> parts;
    if (const auto label = uri.object())
        parts.push_back({"object=" + *label, {std::nullopt, label, std::nullopt}});
    if (const auto id = uri.id())
        parts.push_back({"id=" + inspection::hex(*id), {std::nullopt, std::nullopt, id}});
    if (const auto type = uri.type())
        parts.push_back(
            {"type=" + std::string(pkcs11::nameOf(*type)), {type, std::nullopt, std::nullopt}});
    return parts;
}

std::size_t countFitting(const pkcs11::ObjectQuery& query, const std::vector<SeenObject>& objects) {
    return static_cast<std::size_t>(
        std::count_if(objects.begin(), objects.end(), [&query](const SeenObject& object) {
            return pkcs11::fits(query, object.attributes);
        }));
}

std::string nearestLabel(const pkcs11::ObjectQuery& query, const std::vector<SeenObject>& objects) {
    std::vector<std::string> labels;
    labels.reserve(objects.size());
    for (const auto& object : objects)
        labels.push_back(object.label());
    return query.label ? ossl::nearest(*query.label, labels) : "";
}

std::string kindsOf(const std::vector<SeenObject>& objects) {
    std::map<std::string, std::size_t> counts;
    for (const auto& object : objects)
        ++counts[inspection::typeInWords(object)];
    std::vector<std::string> said;
    said.reserve(counts.size());
    for (const auto& [type, count] : counts)
        said.push_back(std::to_string(count) + " " + type);
    return said.empty() ? "none" : tokens::join(said);
}

// What is hidden may fit: then it is no failure.
void tellPart(Report& report, const Part& part, const ObjectsOfToken& seen) {
    const auto count = countFitting(part.query, seen.objects);
    const auto what = part.shown + " fits " + std::to_string(count) + " of " +
                      std::to_string(seen.objects.size()) + " objects";
    if (count > 0)
        return report.ok(what);
    const auto nearest = nearestLabel(part.query, seen.objects);
    const auto advice = !nearest.empty()  ? "did you mean object=" + nearest + "?"
                        : seen.isHidden() ? "private objects show after a login: add --login"
                                          : "pkcs11-objects list shows what is there";
    // Private keys are hidden without a login.
    const CK_OBJECT_CLASS asked = part.query.type.value_or(CKO_DATA);
    const bool isExpected =
        seen.isHidden() && (asked == CKO_PRIVATE_KEY || asked == CKO_SECRET_KEY);
    report.add({isExpected        ? State::ok
                : seen.isHidden() ? State::warning
                                  : State::failure,
                what, advice});
}

void tellAllParts(Report& report, const uri::Uri& uri, const ObjectsOfToken& seen,
                  const std::vector<Part>& parts) {
    const auto fitsOne = [&seen](const Part& part) {
        return countFitting(part.query, seen.objects) > 0;
    };
    const bool eachFits = std::all_of(parts.begin(), parts.end(), fitsOne);
    const auto all = countFitting({uri.type(), uri.object(), uri.id()}, seen.objects);
    if (all == 0 && eachFits && parts.size() > 1)
        report.add({seen.isHidden() ? State::warning : State::failure,
                    "each part fits an object, but no object fits all parts",
                    seen.isHidden() ? "private objects show after a login: add --login"
                                    : "remove the part that does not belong to the object"});
}

} // namespace

// The provider's login is this process's, but modules in other processes may see it otherwise. A
// PIN that the provider has used is right.
ObjectsOfToken checkObjects(Report& report, const uri::Uri& uri, const SeenToken& token,
                            const ossl::ProviderContext& context, bool loggedIn) {
    report.section("objects");
    ObjectsOfToken seen;
    seen.loginRequired = (token.info.flags & CKF_LOGIN_REQUIRED) != 0;
    seen.loggedIn = loggedIn;
    try {
        auto session = token.token().sessionPool()->take();
        if (loggedIn && !session.isLoggedIn() && tokens::hasGivenPin(uri, context.settings()))
            tokens::logIn(session, tokens::pinSource(uri, context, token.token(), {}));
        seen.objects = inspection::objectsOf(session);
    } catch (const pkcs11::Error& error) {
        report.fail(error.what(), "look into the module's log");
        return seen;
    }
    report.ok("objects that are visible " +
              std::string(!seen.loginRequired ? ""
                          : loggedIn          ? "after the login: "
                                              : "without a login: ") +
              kindsOf(seen.objects));
    const auto parts = partsOf(uri);
    for (const auto& part : parts)
        tellPart(report, part, seen);
    tellAllParts(report, uri, seen, parts);
    return seen;
}

} // namespace p11::tools::doctor
