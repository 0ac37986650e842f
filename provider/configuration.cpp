// SPDX-License-Identifier: Apache-2.0
#include "provider/configuration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <locale>
#include <string_view>
#include <utility>

#include "ossl/pin.h"
#include "ossl/words.h"
#include "pkcs11/audit_file.h"
#include "pkcs11/audit_journal.h"
#include "pkcs11/trace.h"
#include "provider/configuration_file.h"

namespace p11::provider {
namespace {

using ossl::LoginBehavior;
using ossl::Settings;
using ossl::words;

constexpr const char* assumeFips = "pkcs11-module-assume-fips";
constexpr const char* randomToken = "pkcs11-random-token";
constexpr const char* digestToken = "pkcs11-digest-token";
constexpr const char* symmetricKeys = "pkcs11-symmetric-keys";
constexpr const char* blockOperations = "pkcs11-module-block-operations";
constexpr const char* loadBehavior = "pkcs11-module-load-behavior";

constexpr std::string_view filePrefix = "file:";

// `hint` says which values are taken.
[[noreturn]] void reject(const std::string& directive, std::string_view value,
                         const std::string& hint = "") {
    throw ossl::UsageError(ossl::Reason::parameter, directive + " does not accept the value \"" +
                                                        std::string(value) + "\"" + hint);
}

bool parseBool(const std::string& directive, std::string_view value) {
    const auto meant = ossl::yesOrNo(value);
    if (!meant)
        reject(directive, value, ": use yes or no");
    return *meant;
}

void readPin(std::string_view value, std::optional<pkcs11::Pin>& pin, std::string& file) {
    if (value.starts_with(filePrefix))
        file = value.substr(filePrefix.size());
    else if (!value.empty())
        pin = ossl::makePin(value);
}

void setPin(Settings& settings, const std::string&, std::string_view value) {
    readPin(value, settings.pin, settings.pinFile);
}

void setContextPin(Settings& settings, const std::string&, std::string_view value) {
    readPin(value, settings.contextPin, settings.contextPinFile);
}

void setUserName(Settings& settings, const std::string&, std::string_view value) {
    settings.module.userName = value;
}

// Also takes a number as vendors' manuals write it: 0x80000001.
void setUserType(Settings& settings, const std::string& directive, std::string_view value) {
    if (value == "user" || value == "so") {
        settings.module.userType = value == "user" ? CKU_USER : CKU_SO;
        return;
    }
    const int base = value.starts_with("0x") ? 16 : 10;
    const auto digits = base == 16 ? value.substr(2) : value;
    const auto* stop = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), stop, settings.module.userType, base);
    if (error != std::errc{} || end != stop || settings.module.userType == CKU_CONTEXT_SPECIFIC)
        reject(directive, value, ": use user, so or a number");
}

// One path may have blanks in it, so that a list is one only where no file has the whole name.
void setModulePath(Settings& settings, const std::string&, std::string_view value) {
    std::error_code error;
    const bool isOne = std::filesystem::exists(value, error) || value.empty();
    settings.modulePaths =
        isOne ? std::vector<std::string>(value.empty() ? 0 : 1, std::string(value)) : words(value);
}

void setInitArgs(Settings& settings, const std::string&, std::string_view value) {
    settings.module.initArgs = value;
}

void setLogin(Settings& settings, const std::string& directive, std::string_view value) {
    if (value == "auto")
        settings.login = LoginBehavior::automatic;
    else if (value == "always")
        settings.login = LoginBehavior::always;
    else if (value == "never")
        settings.login = LoginBehavior::never;
    else
        reject(directive, value, ": use auto, always or never");
}

void setForceLogin(Settings& settings, const std::string& directive, std::string_view value) {
    if (parseBool(directive, value))
        settings.login = LoginBehavior::always;
}

void setLoadBehavior(Settings& settings, const std::string& directive, std::string_view value) {
    if (value != "early" && value != "late" && !value.empty())
        reject(directive, value, ": use early or late");
    settings.loadEarly = value == "early";
}

// pkcs11-provider has a quirk for this type.
constexpr CK_USER_TYPE lunaCryptoUser = 0x80000001;

void setQuirks(Settings& settings, const std::string& directive, std::string_view value) {
    for (const auto& quirk : words(value)) {
        if (quirk == "no-deinit")
            settings.module.neverFinalize = true;
        else if (quirk == "no-allowed-mechanisms")
            settings.noAllowedMechanisms = true;
        else if (quirk == "read-write-sessions")
            settings.module.readWriteSessions = true;
        else if (quirk == "pin-pad")
            settings.module.pinPad = true;
        else if (quirk == "empty-pin")
            settings.module.emptyPin = true;
        else if (quirk == "luna-non-standard-cku-user")
            settings.module.userType = lunaCryptoUser;
        else if (quirk == "no-operation-state")
            settings.module.noOperationState = true;
        else if (quirk != "no-session-callbacks") // this provider sets none
            reject(directive, quirk,
                   ": use pin-pad, empty-pin, luna-non-standard-cku-user, read-write-sessions, "
                   "no-deinit, no-operation-state or no-allowed-mechanisms");
    }
}

// pkcs11-provider's meaning: 0 allows the export of public keys, 1 forbids it.
void setAllowExport(Settings& settings, const std::string& directive, std::string_view value) {
    if (value != "0" && value != "1")
        reject(directive, value, ": use 0 or 1");
    settings.allowPublicExport = value == "0";
}

void setPssOnlyKeys(Settings& settings, const std::string& directive, std::string_view value) {
    if (value != "auto" && value != "RSA" && value != "RSA-PSS")
        reject(directive, value, ": use auto, RSA or RSA-PSS");
    settings.pssOnlyKeys = value == "auto" ? "" : value;
}

unsigned parseNumber(const std::string& directive, std::string_view value) {
    unsigned number = 0;
    const auto* stop = value.data() + value.size();
    const auto [end, error] = std::from_chars(value.data(), stop, number);
    if (error != std::errc{} || end != stop)
        reject(directive, value, ": use a number");
    return number;
}

void setCacheSessions(Settings& settings, const std::string& directive, std::string_view value) {
    settings.module.maxIdleSessions = parseNumber(directive, value);
}

void setMaxSessions(Settings& settings, const std::string& directive, std::string_view value) {
    settings.module.maxSessions = parseNumber(directive, value);
}

void setCacheKeys(Settings& settings, const std::string& directive, std::string_view value) {
    using pkcs11::KeyCopies;
    const auto meant = ossl::yesOrNo(value);
    if (!meant && value != "auto")
        reject(directive, value, ": use auto, true or false");
    settings.module.keyCopies = !meant   ? KeyCopies::automatic
                                : *meant ? KeyCopies::always
                                         : KeyCopies::never;
}

void setReplicas(Settings& settings, const std::string& directive, std::string_view value) {
    const auto mode = ossl::replicasNamed(value);
    if (!mode)
        reject(directive, value, ": use off, failover or balance");
    settings.replicas = *mode;
}

void setReplicaTokens(Settings& settings, const std::string&, std::string_view value) {
    settings.replicaTokens = ossl::commaSeparated(value);
}

void setAsyncThreads(Settings& settings, const std::string& directive, std::string_view value) {
    settings.asyncThreads = parseNumber(directive, value);
}

void setAllowedModulePaths(Settings& settings, const std::string& directive,
                           std::string_view value) {
    settings.allowedModulePaths = words(value);
    // A policy that allows nothing is a mistake.
    if (settings.allowedModulePaths.empty())
        reject(directive, value, ": use a list of files and folders");
}

void setReadablePinFiles(Settings& settings, const std::string& directive, std::string_view value) {
    settings.readablePinFiles = parseBool(directive, value);
}

constexpr std::string_view journal = "journal";

// A relative path would be another file after each change of the working directory.
void setAuditLog(Settings& settings, const std::string& directive, std::string_view value) {
    if (value != journal && !value.starts_with("file:/"))
        reject(directive, value, ": use journal, or file: and an absolute path");
    settings.auditLog = value;
}

void setAuditLogFailure(Settings& settings, const std::string& directive, std::string_view value) {
    if (value != "continue" && value != "refuse")
        reject(directive, value, ": use continue or refuse");
    settings.refusesUnaudited = value == "refuse";
}

void requireUri(const std::string& directive, std::string_view value) {
    if (!value.starts_with("pkcs11:"))
        reject(directive, value, ": use a pkcs11: URI");
}

void setRandomToken(Settings& settings, const std::string& directive, std::string_view value) {
    requireUri(directive, value);
    settings.randomToken = value;
}

void setDigestToken(Settings& settings, const std::string& directive, std::string_view value) {
    requireUri(directive, value);
    settings.digestToken = value;
}

void setDebug(Settings&, const std::string& directive, std::string_view value) {
    if (!pkcs11::trace::configure(value))
        reject(directive, value, ": use file:PATH,level:N,format:json with a writable file");
}

void setDebugLevel(Settings&, const std::string& directive, std::string_view value) {
    if (value != "0" && !pkcs11::trace::configure("level:" + std::string(value)))
        reject(directive, value, ": use a digit");
}

void checkBool(Settings&, const std::string& directive, std::string_view value) {
    parseBool(directive, value);
}

// Accepted without effect, so that existing files need no change. Keys and PINs are always kept.
void accept(Settings&, const std::string&, std::string_view) {}

struct Directive {
    const char* name;
    void (*apply)(Settings&, const std::string&, std::string_view);
};

// pkcs11-provider's names, our own, then those of libp11's provider.
constexpr std::array directives{Directive{"pkcs11-module-path", setModulePath},
                                Directive{"pkcs11-module-init-args", setInitArgs},
                                Directive{"pkcs11-module-token-pin", setPin},
                                Directive{"pkcs11-module-context-pin", setContextPin},
                                Directive{"pkcs11-module-user-type", setUserType},
                                Directive{"pkcs11-module-user-name", setUserName},
                                Directive{"pkcs11-module-allow-export", setAllowExport},
                                Directive{"pkcs11-module-login-behavior", setLogin},
                                Directive{loadBehavior, setLoadBehavior},
                                Directive{"pkcs11-module-quirks", setQuirks},
                                Directive{blockOperations, accept},
                                Directive{"pkcs11-pss-only-keys", setPssOnlyKeys},
                                Directive{"pkcs11-module-cache-sessions", setCacheSessions},
                                Directive{"pkcs11-module-max-sessions", setMaxSessions},
                                Directive{"pkcs11-module-cache-keys", setCacheKeys},
                                Directive{"pkcs11-module-cache-pins", accept},
                                Directive{assumeFips, checkBool},
                                Directive{"pkcs11-module-encode-provider-uri-to-pem", accept},
                                Directive{"pkcs11-allowed-module-paths", setAllowedModulePaths},
                                Directive{"pkcs11-allow-readable-pin-files", setReadablePinFiles},
                                Directive{randomToken, setRandomToken},
                                Directive{digestToken, setDigestToken},
                                Directive{symmetricKeys, checkBool},
                                Directive{"pkcs11-async-threads", setAsyncThreads},
                                Directive{"pkcs11-replicas", setReplicas},
                                Directive{"pkcs11-replica-tokens", setReplicaTokens},
                                Directive{"pkcs11-audit-log", setAuditLog},
                                Directive{"pkcs11-audit-log-failure", setAuditLogFailure},
                                Directive{"pkcs11_module", setModulePath},
                                Directive{"init_args", setInitArgs},
                                Directive{"pin", setPin},
                                Directive{"debug_level", setDebugLevel},
                                Directive{"force_login", setForceLogin}};

// Applied after the directives, in this order. A later one wins.
constexpr std::array environment{Directive{"PKCS11_MODULE_PATH", setModulePath},
                                 Directive{"PKCS11_PROVIDER_MODULE", setModulePath},
                                 Directive{"PKCS11_FORCE_LOGIN", setForceLogin},
                                 Directive{"PKCS11_PROVIDER_DEBUG", setDebug},
                                 Directive{"PKCS11_DEBUG_LEVEL", setDebugLevel}};

bool isDirective(std::string_view name) {
    return std::any_of(directives.begin(), directives.end(),
                       [name](const auto& known) { return name == known.name; });
}

// Small letters and hyphens.
std::string inOneStyle(std::string_view name) {
    std::string result(name);
    for (char& letter : result)
        letter =
            letter == '_' ? '-' : static_cast<char>(std::tolower(letter, std::locale::classic()));
    return result;
}

// Without the prefix, too: MODULE_PATH and pkcs11_module-path are "path".
std::string withoutStyle(std::string_view name) {
    auto result = inOneStyle(name);
    for (const std::string_view prefix : {"pkcs11-", "module-"})
        if (result.starts_with(prefix))
            result.erase(0, prefix.size());
    return result;
}

// The directive that resembles `name` most where both are written in a `style`; null if none does.
const Directive* resembling(std::string_view name, std::string (*style)(std::string_view),
                            std::size_t mostLetters) {
    std::vector<std::string> plain;
    plain.reserve(directives.size());
    for (const auto& directive : directives)
        plain.push_back(style(directive.name));
    const auto found =
        std::find(plain.begin(), plain.end(), ossl::nearest(style(name), plain, mostLetters));
    return found != plain.end() ? &directives[static_cast<std::size_t>(found - plain.begin())]
                                : nullptr;
}

// The directive that `name` is meant to be; empty if it resembles none. A slip in the prefix hides
// what follows it, so the whole names are compared last. They have much in common, so that only a
// letter or two may differ.
std::string meantBy(std::string_view name) {
    constexpr std::size_t slip = 2;
    const auto* found = resembling(name, withoutStyle, name.size());
    if (found == nullptr)
        found = resembling(name, inOneStyle, slip);
    return found != nullptr ? found->name : "";
}

// Messages about the names in the configuration file that are no directives.
struct Unknown {
    std::string misspelling; ///< the first that resembles a directive; empty if none does
    std::vector<std::string> unlikeAny; ///< possibly for another version or another provider
};

Unknown messagesAbout(const std::vector<UnknownName>& names) {
    Unknown unknown;
    for (const auto& [name, meant] : names) {
        const auto message = "unknown directive " + name;
        if (meant.empty())
            unknown.unlikeAny.push_back(message);
        else if (unknown.misspelling.empty())
            unknown.misspelling =
                std::string(message).append("; did you mean ").append(meant) + "?";
    }
    return unknown;
}

// The variables at the start of the provider. A program may hide them from this instance alone.
struct Environment {
    std::array<std::optional<std::string>, environment.size()> values;
    std::optional<pkcs11::Pin> pin;
};

Environment readEnvironment() {
    Environment read;
    for (std::size_t i = 0; i < environment.size(); ++i)
        if (const char* value = secure_getenv(environment[i].name);
            value != nullptr && *value != '\0')
            read.values[i] = value;
    if (const char* pin = secure_getenv("PKCS11_PIN"); pin != nullptr && *pin != '\0')
        read.pin = ossl::makePin(pin);
    return read;
}

Settings readAll(const ossl::Core& core, const Environment& variables) {
    Settings settings;
    for (const auto& directive : directives)
        if (const char* value = core.parameter(directive.name))
            directive.apply(settings, directive.name, value);
    for (std::size_t i = 0; i < environment.size(); ++i)
        if (variables.values[i])
            environment[i].apply(settings, environment[i].name, *variables.values[i]);
    // The configured PIN comes before the environment's.
    if (!settings.pin && settings.pinFile.empty())
        settings.pin = variables.pin;
    return settings;
}

bool isPin(const Directive& directive) {
    return directive.apply == setPin || directive.apply == setContextPin;
}

std::unique_ptr<pkcs11::AuditSink> auditSink(std::string_view place) {
    if (place == journal)
        return std::make_unique<pkcs11::AuditJournal>();
    return std::make_unique<pkcs11::AuditFile>(std::string(place.substr(filePrefix.size())));
}

// Opened now, while a server still has its rights and its file system.
void openAuditLog(Settings& settings) {
    if (settings.auditLog.empty()) {
        if (settings.refusesUnaudited)
            settings.problem = "pkcs11-audit-log-failure = refuse needs pkcs11-audit-log";
        return;
    }
    settings.audit =
        std::make_shared<pkcs11::AuditLog>(auditSink(settings.auditLog), settings.refusesUnaudited);
    const auto problem = settings.audit->problem();
    if (settings.refusesUnaudited)
        settings.problem = problem;
    else if (!problem.empty())
        pkcs11::trace::step(problem);
}

// Never with a PIN.
GivenSetting given(const Directive& directive, const std::string& value, bool fromEnvironment) {
    GivenSetting setting{directive.name, value, fromEnvironment, directive.apply == setModulePath,
                         ""};
    if (isPin(directive) && !value.empty() && !value.starts_with("file:"))
        setting.value = "(a PIN)";
    Settings scratch;
    try {
        directive.apply(scratch, directive.name, value);
    } catch (const ossl::UsageError& error) {
        setting.problem = error.what();
    }
    return setting;
}

} // namespace

std::vector<GivenSetting> givenSettings(const ossl::Core& core) {
    std::vector<GivenSetting> all;
    for (const auto& directive : directives)
        if (const char* value = core.parameter(directive.name))
            all.push_back(given(directive, value, false));
    const auto variables = readEnvironment();
    for (std::size_t i = 0; i < environment.size(); ++i)
        if (variables.values[i])
            all.push_back(given(environment[i], *variables.values[i], true));
    if (variables.pin)
        all.push_back({"PKCS11_PIN", "(a PIN)", true, false, ""});
    return all;
}

std::vector<UnknownName> unknownNames(const ossl::Core& core) {
    std::vector<UnknownName> all;
    for (const auto& name : namesInConfigurationFile(core))
        if (!isDirective(name))
            all.push_back({name, meantBy(name)});
    return all;
}

bool isBlocked(const ossl::Core& core, std::string_view operation) {
    const char* value = core.parameter(blockOperations);
    if (value == nullptr)
        return false;
    const auto blocked = words(value);
    return std::find(blocked.begin(), blocked.end(), operation) != blocked.end();
}

bool loadsEarly(const ossl::Core& core) {
    const char* value = core.parameter(loadBehavior);
    return value != nullptr && value == std::string_view("early");
}

bool assumesFips(const ossl::Core& core) {
    const char* value = core.parameter(assumeFips);
    return value != nullptr && ossl::yesOrNo(value).value_or(false);
}

bool offersDigests(const ossl::ProviderContext& context) {
    return context.core().parameter(digestToken) != nullptr;
}

bool offersSymmetricKeys(const ossl::ProviderContext& context) {
    const char* value = context.core().parameter(symmetricKeys);
    return value != nullptr && ossl::yesOrNo(value).value_or(false);
}

// A misspelt directive does not fail the start, even with config_diagnostics = 1: OpenSSL would go
// on without the provider, and drop the error.
ossl::ProviderContext::ReadSettings readConfiguration(const ossl::Core& core) {
    const auto unknown = messagesAbout(unknownNames(core));
    return [variables = readEnvironment(), unknown](const ossl::Core& present) {
        Settings settings;
        try {
            settings = readAll(present, variables);
            openAuditLog(settings);
        } catch (const ossl::UsageError& error) {
            settings.problem = error.what();
        }
        // Not earlier, because a directive may set up the log.
        for (const auto& message : unknown.unlikeAny)
            pkcs11::trace::step(message);
        if (!unknown.misspelling.empty()) {
            pkcs11::trace::step(unknown.misspelling);
            settings.problem = unknown.misspelling;
        }
        return settings;
    };
}

} // namespace p11::provider
