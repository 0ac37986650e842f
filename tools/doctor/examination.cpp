// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/examination.h"

#include <algorithm>

#include "pkcs11/mechanism.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"
#include "tools/doctor/checks.h"
#include "tools/inspection/inspector.h"
#include "tools/shared/error.h"
#include "tools/shared/library.h"
#include "tools/shared/token_uri.h"

namespace p11::tools::doctor {
namespace {

using inspection::Inspector;
using inspection::SeenToken;
using inspection::UsersConfiguration;

/// What is known of the URI before the provider is asked.
struct Outlook {
    bool mayUseKey = false;
    bool loginRequired = false;
    std::vector<CK_TOKEN_INFO> tokens; ///< that fit: several are replicas
};

// The modules end with the inspector, and the provider finds them as in a user's program.
std::vector<SeenToken> lookAround(const Request& request, const std::optional<uri::Uri>& uri,
                                  const UsersConfiguration& configuration, Report& report,
                                  Outlook& outlook) {
    const Inspector inspector(configuration);
    checkConfiguration(report, configuration, inspector.context(), request.providerFolder);
    const auto tokens = checkTokens(report, checkModules(report, inspector.context()));
    const auto& settings = inspector.context().settings();
    auto fitting = uri ? checkUri(report, *uri, tokens, settings) : tokens;
    checkJobs(report, settings, fitting);
    if (!uri)
        return {};
    for (const auto& token : fitting)
        outlook.tokens.push_back(token.info);
    if (outlook.tokens.size() > 1 && p11::tokens::replicasOf(*uri, settings) == ossl::Replicas::off)
        return fitting; // the provider logs in to none of them
    const bool hasSource = checkPin(report, *uri, inspector.context(), request.login);
    report.section("login");
    outlook.loginRequired = std::ranges::any_of(fitting, [](const SeenToken& token) {
        return (token.info.flags & CKF_LOGIN_REQUIRED) != 0;
    });
    outlook.mayUseKey =
        mayLogIn(report, fitting, request.login || p11::tokens::hasPin(*uri), request.login) &&
        (hasSource || !outlook.loginRequired);
    return fitting;
}

// Only keys of RSA have a choice.
bool signsOnlyWithPss(const std::vector<inspection::SeenObject>& objects, const uri::Uri& uri) {
    const pkcs11::ObjectQuery query{CKO_PRIVATE_KEY, uri.object(), uri.id()};
    for (const auto& object : objects)
        if (pkcs11::fits(query, object.attributes)) {
            const auto allowed = object.attributes.mechanisms(CKA_ALLOWED_MECHANISMS);
            return !allowed.empty() && std::all_of(allowed.begin(), allowed.end(), pkcs11::isPss);
        }
    return false;
}

// The module that the token was seen in has ended: it is looked for again.
ObjectsOfToken lookAtObjects(const uri::Uri& uri, const UsersConfiguration& configuration,
                             bool loggedIn, Report& report) {
    const Inspector inspector(configuration);
    const auto fitting = inspection::fitting(uri, inspection::allTokens(inspector.context()));
    return fitting.size() == 1
               ? checkObjects(report, uri, fitting.front(), inspector.context(), loggedIn)
               : ObjectsOfToken{};
}

void useKey(const Request& request, const uri::Uri& uri, const UsersConfiguration& configuration,
            const Outlook& outlook, Report& report) {
    const CallCounter counter(request.time > 0);
    const auto library = usersLibrary(request.providerFolder);
    const auto loaded = loadKey(library.get(), request.uri, uri);
    if (!checkLogin(report, loaded, outlook.loginRequired))
        return;
    if (outlook.tokens.size() > 1 && loaded.keys.size() == 1)
        checkReplicas(report, library.get(), request.uri, loaded.keys.front().get(),
                      outlook.tokens);
    const auto seen = lookAtObjects(uri, configuration, true, report);
    auto* key = checkKey(report, loaded, uri, seen.objects);
    const bool onlyPss = signsOnlyWithPss(seen.objects, uri);
    if (key != nullptr && request.sign)
        checkSignature(report, library.get(), key, onlyPss);
    if (key != nullptr && request.time > 0)
        checkTiming(report, library.get(), key, onlyPss, request.time, counter);
}

void examineAll(const Request& request, const std::optional<uri::Uri>& uri, Report& report) {
    const auto configuration = inspection::readUsersConfiguration();
    checkOpenssl(report);
    const bool hasProvider = checkProvider(report, configuration, request.providerFolder);
    Outlook outlook;
    const auto fitting = lookAround(request, uri, configuration, report, outlook);
    if (uri && outlook.mayUseKey && hasProvider)
        return useKey(request, *uri, configuration, outlook, report);
    if (fitting.size() == 1)
        lookAtObjects(*uri, configuration, false, report);
    if (request.sign || request.time > 0)
        report.fail("no signature was made: there was no login",
                    "add --login, or a PIN to the URI");
}

} // namespace

void examine(const Request& request, Report& report) {
    const auto uri = request.uri.empty() ? std::nullopt : std::optional(parseUri(request.uri));
    try {
        examineAll(request, uri, report);
    } catch (const std::exception& error) {
        report.fail(error.what(), "correct this, and ask again: the rest was not looked at");
    }
}

} // namespace p11::tools::doctor
