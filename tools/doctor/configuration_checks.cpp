// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <openssl/conf.h>
#include <openssl/provider.h>

#include "ossl/handles.h"
#include "ossl/words.h"
#include "provider/configuration.h"
#include "tokens/object_uris.h"
#include "tools/doctor/checks.h"
#include "tools/shared/error.h"

namespace p11::tools::doctor {
namespace {

using inspection::UsersConfiguration;

void tellFile(Report& report, const UsersConfiguration& configuration) {
    const std::string origin =
        configuration.isNamed ? "named by OPENSSL_CONF" : "OpenSSL's default";
    const auto what = "configuration file " + configuration.path + " (" + origin + ")";
    if (!configuration.problem.empty())
        report.fail(what + " cannot be used: " + configuration.problem,
                    "correct the file, or let this user read it");
    else if (!configuration.exists && configuration.isNamed)
        report.warn(what + " does not exist", "correct OPENSSL_CONF");
    else
        report.ok(what + (configuration.exists ? "" : " does not exist"));
}

std::vector<std::string> activeProviders(OSSL_LIB_CTX* library,
                                         const UsersConfiguration& configuration) {
    std::vector<std::string> active;
    for (const auto& provider : configuration.providers)
        if (OSSL_PROVIDER_available(library, provider.name.c_str()) == 1)
            active.push_back(provider.name);
    return active;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool isActivated(const inspection::ConfiguredProvider& provider) {
    return std::any_of(provider.values.begin(), provider.values.end(), [](const auto& value) {
        return value.first == "activate" && ossl::yesOrNo(value.second).value_or(true);
    });
}

// OPENSSL_MODULES and --provider-path find it without the file, but nothing activates it then.
void tellActivation(Report& report, const UsersConfiguration& configuration,
                    const std::vector<std::string>& active, const std::string& providerFolder) {
    const std::string options = "-provider pkcs11 -provider default";
    if (has(active, configuration.ownName()))
        return;
    const auto* own = configuration.own();
    const auto what = own == nullptr
                          ? std::string("the configuration file does not activate pkcs11")
                          : "the section " + own->section + " does not activate pkcs11";
    if (own != nullptr && isActivated(*own))
        report.fail("the section " + own->section +
                        " activates pkcs11, but OpenSSL could not load it",
                    "see the section \"provider\" above");
    else if (!providerFolder.empty())
        report.ok(what, "give programs -provider-path " + providerFolder + " " + options);
    else if (!configuration.hasInit && configuration.exists)
        report.warn(what + ": the file has no line openssl_conf = ...",
                    "add the lines of openssl.cnf.sample at its beginning, or give programs " +
                        options);
    else
        report.warn(what,
                    "add \"activate = 1\" as in openssl.cnf.sample, or give programs " + options);
}

void tellProviders(Report& report, const UsersConfiguration& configuration,
                   const std::string& providerFolder) {
    const ossl::LibCtx library(OSSL_LIB_CTX_new());
    if (!providerFolder.empty())
        OSSL_PROVIDER_set_default_search_path(library.get(), providerFolder.c_str());
    if (configuration.exists &&
        OSSL_LIB_CTX_load_config(library.get(), configuration.path.c_str()) != 1)
        report.fail(withReasons("OpenSSL refuses the configuration file"), "correct it");
    const auto active = activeProviders(library.get(), configuration);
    if (!active.empty())
        report.add({State::ok,
                    "active providers, in this order: " + tokens::join(active),
                    "",
                    {{"providers", active}}});
    tellActivation(report, configuration, active, providerFolder);
    if (!active.empty() && !has(active, "default") && !has(active, "fips"))
        report.fail("the provider default is not active, so programs find no software algorithms",
                    "add \"default = default_section\", and \"activate = 1\" in that section");
}

void tellSetting(Report& report, const provider::GivenSetting& setting,
                 const UsersConfiguration& configuration) {
    const auto* own = configuration.own();
    const auto origin = setting.fromEnvironment ? std::string("environment")
                        : own != nullptr        ? "section " + own->section
                                                : std::string("configuration file");
    const auto what = setting.name + " = " + setting.value + " (" + origin + ")";
    const nlohmann::ordered_json data{
        {"name", setting.name}, {"value", setting.value}, {"origin", origin}};
    if (setting.problem.empty())
        report.add({State::ok, what, "", data});
    else
        report.add({State::failure, what + ": " + setting.problem,
                    "docs/configuration.md lists the values", data});
}

void tellUnknown(Report& report, const provider::UnknownName& unknown) {
    const auto what = "unknown directive " + unknown.name;
    if (unknown.meant.empty())
        report.warn(what + " is ignored", "remove it, if it is meant for this provider");
    else
        report.fail(what, "did you mean " + unknown.meant + "?");
}

// The log is opened, as each program opens it.
void tellAuditLog(Report& report, const ossl::Settings& settings) {
    if (!settings.audit)
        return;
    const auto problem = settings.audit->problem();
    const std::string cure = "correct its path, or let this user write it";
    if (problem.empty())
        report.ok("the audit log can be written to " + settings.audit->describe());
    else if (settings.refusesUnaudited)
        report.fail(problem + ", so no key can be used", cure);
    else
        report.warn(problem + ", so keys are used without it", cure);
}

} // namespace

void checkConfiguration(Report& report, const UsersConfiguration& configuration,
                        const ossl::ProviderContext& context, const std::string& providerFolder) {
    report.section("configuration");
    tellFile(report, configuration);
    tellProviders(report, configuration, providerFolder);
    const auto settings = provider::givenSettings(context.core());
    for (const auto& setting : settings)
        tellSetting(report, setting, configuration);
    for (const auto& unknown : provider::unknownNames(context.core()))
        tellUnknown(report, unknown);
    tellAuditLog(report, context.settings());
    if (settings.empty())
        report.ok("no directive is set: all modules that are registered with p11-kit are used");
}

} // namespace p11::tools::doctor
