// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "pkcs11/registration.h"
#include "pkcs11/text.h"
#include "provider/configuration.h"
#include "tokens/module_hints.h"
#include "tools/doctor/checks.h"

namespace p11::tools::doctor {
namespace {

namespace fs = std::filesystem;

// The file that registers a module with p11-kit, by p11-kit's own name for it; empty if unknown.
std::string registrationOf(const std::string& name) {
    auto folders = pkcs11::RegistrationFolders::ofTheSystem().configurations;
    if (const char* home = std::getenv("HOME"))
        folders.insert(folders.begin(), home + std::string("/.config/pkcs11/modules"));
    for (const auto& folder : folders) {
        std::error_code error;
        if (const auto file = fs::path(folder) / (name + ".module"); fs::exists(file, error))
            return file;
    }
    return {};
}

// What names the modules; empty if all that are registered are used.
std::string whoNamesIt(const ossl::ProviderContext& context) {
    std::string by;
    for (const auto& setting : provider::givenSettings(context.core()))
        if (setting.namesModule)
            by = (setting.fromEnvironment ? "the variable " : "the directive ") + setting.name;
    return context.settings().modulePaths.empty() ? "" : by;
}

std::string versionText(const CK_VERSION& version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor);
}

void tellInitialized(Report& report, pkcs11::Module& module, const std::string& by) {
    const auto info = module.info();
    const auto maker = pkcs11::trimmed(info.manufacturerID);
    const auto version = versionText(info.libraryVersion);
    const auto locks =
        module.takesOneCall() ? "one call at a time" : "calls from several threads at once";
    report.add({State::ok,
                module.name() + (module.path().empty() ? "" : " (" + module.path() + ")") + ", " +
                    by + ": " + maker + " " + version + ", PKCS#11 " +
                    versionText(info.cryptokiVersion) + (module.signsMessages() ? " and 3.x" : "") +
                    ", " + locks,
                "",
                {{"name", module.name()},
                 {"file", module.path()},
                 {"named by", by},
                 {"manufacturer", maker},
                 {"version", version}}});
}

void tellHints(Report& report, State state, const std::string& path) {
    for (const auto& hint : tokens::moduleHints(path))
        report.add({state, hint.what, hint.cure});
}

bool isUsable(Report& report, pkcs11::Module& module, const std::string& by, bool isOnlyOne) try {
    module.initialize();
    tellInitialized(report, module, by);
    if (const auto file = tokens::moduleConfiguration(module.path()); !file.empty())
        report.ok(module.name() + " reads " + file);
    tellHints(report, State::warning, module.path());
    return true;
} catch (const pkcs11::Error& error) {
    const auto state = isOnlyOne ? State::failure : State::warning;
    const auto hints = tokens::moduleHints(module.path());
    report.add({state, module.name() + ", " + by + ", cannot be used: " + error.what(),
                hints.empty() ? "read the module's own log, and run its own tools" : ""});
    tellHints(report, state, module.path());
    return false;
}

void tellUnregistered(Report& report, const std::vector<pkcs11::Module*>& modules,
                      const ossl::ProviderContext& context) {
    const pkcs11::ModulePolicy policy(context.settings().allowedModulePaths);
    for (const auto& one : pkcs11::registrations(pkcs11::RegistrationFolders::ofTheSystem(),
                                                 program_invocation_short_name)) {
        const bool isThere = one.file.empty() || std::any_of(modules.begin(), modules.end(),
                                                             [&one](const auto* module) {
                                                                 return module->name() == one.name;
                                                             });
        if (isThere)
            continue;
        try {
            pkcs11::loadModule(one.file, {}, policy);
        } catch (const pkcs11::Error& error) {
            report.warn(one.name + ", registered in " + registrationOf(one.name) + ": " +
                            error.what(),
                        "install the module, or remove the registration");
        }
    }
}

std::vector<pkcs11::Module*> load(Report& report, ossl::ProviderContext& context,
                                  const std::string& by) {
    try {
        return context.modules();
    } catch (const std::exception& error) {
        const bool isFile = !by.empty() && context.settings().problem.empty();
        report.fail(error.what() + (by.empty() ? "" : " (named by " + by + ")"),
                    isFile ? "correct the path, or run ldd on the file"
                           : "correct the configuration: until then no URI can be used");
        return {};
    }
}

} // namespace

std::vector<pkcs11::Module*> checkModules(Report& report, ossl::ProviderContext& context) {
    report.section("modules");
    const auto by = whoNamesIt(context);
    const auto modules = load(report, context, by);
    std::vector<pkcs11::Module*> usable;
    for (auto* module : modules) {
        const auto file = registrationOf(module->name());
        const auto named = !by.empty()    ? "named by " + by
                           : file.empty() ? "registered with p11-kit"
                                          : "registered in " + file;
        if (isUsable(report, *module, named, modules.size() == 1))
            usable.push_back(module);
    }
    if (by.empty() && !modules.empty())
        tellUnregistered(report, modules, context);
    if (by.empty() && modules.empty() && context.settings().problem.empty())
        report.fail("no module is named or registered with p11-kit",
                    "set pkcs11-module-path, or install the module's registration");
    return usable;
}

} // namespace p11::tools::doctor
