// SPDX-License-Identifier: Apache-2.0
// The checks of pkcs11-doctor. Each writes one section, in a file of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ossl/provider_context.h"
#include "tools/doctor/call_counter.h"
#include "tools/doctor/loaded_key.h"
#include "tools/doctor/report.h"
#include "tools/inspection/objects.h"
#include "tools/inspection/tokens.h"
#include "tools/inspection/uri_parts.h"
#include "tools/inspection/users_configuration.h"
#include "uri/uri.h"

namespace p11::tools::doctor {

/// The OpenSSL of this program.
void checkOpenssl(Report& report);

/// Where pkcs11.so is found, and whether OpenSSL loads it. False if it does not.
bool checkProvider(Report& report, const inspection::UsersConfiguration& configuration,
                   const std::string& providerFolder);

/// The configuration file, the active providers, the directives. With a `providerFolder` the user
/// says how programs find the provider, so openssl.cnf need not activate it.
void checkConfiguration(Report& report, const inspection::UsersConfiguration& configuration,
                        const ossl::ProviderContext& context, const std::string& providerFolder);

/// The modules that the configuration names and that could be initialised.
std::vector<pkcs11::Module*> checkModules(Report& report, ossl::ProviderContext& context);

/// The tokens of these modules.
std::vector<inspection::SeenToken> checkTokens(Report& report,
                                               const std::vector<pkcs11::Module*>& modules);

/// Each part of the URI that selects tokens. Returns those that all parts fit: one, or several that
/// share the key by the settings.
std::vector<inspection::SeenToken> checkUri(Report& report, const uri::Uri& uri,
                                            const std::vector<inspection::SeenToken>& tokens,
                                            const ossl::Settings& settings);

/// Whether OpenSSL's asynchronous jobs are paused, and how many operations `tokens` do at once
/// then.
void checkJobs(Report& report, const ossl::Settings& settings,
               const std::vector<inspection::SeenToken>& tokens);

/// Where a PIN comes from, and whether it can be read. `asks`: the program may ask at the terminal.
/// Returns false if no PIN is available.
bool checkPin(Report& report, const uri::Uri& uri, const ossl::ProviderContext& context, bool asks);

/// Whether the doctor may log in to all of `fitting`. `isAsked`: by --login or a PIN in
/// the URI. `isForced`: by --login, which also uses the last try.
bool mayLogIn(Report& report, const std::vector<inspection::SeenToken>& fitting, bool isAsked,
              bool isForced);

/// The key on each of several tokens: whether it is the same as `key`. `text` is the URI.
void checkReplicas(Report& report, OSSL_LIB_CTX* library, const std::string& text, EVP_PKEY* key,
                   const std::vector<CK_TOKEN_INFO>& tokens);

/// What became of the login for `loaded`. False if it failed.
bool checkLogin(Report& report, const LoadedKey& loaded, bool isRequired);

struct ObjectsOfToken {
    std::vector<inspection::SeenObject> objects;
    bool loginRequired = false;
    bool loggedIn = false;

    /// There may be more than is seen.
    bool isHidden() const { return loginRequired && !loggedIn; }
};

/// Each part of the URI that selects objects.
ObjectsOfToken checkObjects(Report& report, const uri::Uri& uri, const inspection::SeenToken& token,
                            const ossl::ProviderContext& context, bool loggedIn);

/// The key and its certificate. Null unless there is one key.
EVP_PKEY* checkKey(Report& report, const LoadedKey& loaded, const uri::Uri& uri,
                   const std::vector<inspection::SeenObject>& objects);

/// A signature, verified in software. False if the key does not sign. `onlyPss`: the token allows
/// this RSA key no other padding.
bool checkSignature(Report& report, OSSL_LIB_CTX* library, EVP_PKEY* key, bool onlyPss);

/// The times of `count` signatures.
void checkTiming(Report& report, OSSL_LIB_CTX* library, EVP_PKEY* key, bool onlyPss, unsigned count,
                 const CallCounter& counter);

} // namespace p11::tools::doctor
