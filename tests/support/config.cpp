// SPDX-License-Identifier: Apache-2.0
#include "tests/support/config.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tests/support/config_error.h"
#include "tests/support/module.h"
#include "tests/support/names.h"

namespace test_module {
namespace {

bool parseSwitch(const std::string& text) {
    if (text != "0" && text != "1")
        throw ConfigError("neither 0 nor 1: '" + text + "'");
    return text == "1";
}

Numbers parseNumbers(const std::string& text) {
    Numbers numbers;
    for (const auto& part : split(text, ','))
        numbers.push_back(parseNumber(part));
    return numbers;
}

FaultEffect parseEffect(const std::string& text) {
    static constexpr std::pair<std::string_view, FaultEffect> effects[] = {
        {"close", FaultEffect::close},
        {"end", FaultEffect::end},
        {"logout", FaultEffect::logout},
        {"count", FaultEffect::count}};
    for (const auto& [name, effect] : effects)
        if (text == name)
            return effect;
    throw ConfigError("no effect of a fault: '" + text + "'");
}

Marks parseMarks(const std::string& text) {
    if (text != "block" && text != "answer")
        throw ConfigError("neither block nor answer: '" + text + "'");
    if (!canMark())
        throw ConfigError("built without valgrind/memcheck.h");
    return text == "block" ? Marks::block : Marks::answer;
}

PointForm parsePointForm(const std::string& text) {
    if (text != "raw" && text != "der")
        throw ConfigError("neither raw nor der: '" + text + "'");
    return text == "raw" ? PointForm::raw : PointForm::der;
}

// "+0x400,-0x4"; no sign is a plus.
void parseFlags(Config& config, const std::string& text) {
    for (auto part : split(text, ',')) {
        const bool removes = part.starts_with('-');
        if (removes || part.starts_with('+'))
            part.erase(0, 1);
        auto& flags = removes ? config.removedTokenFlags : config.addedTokenFlags;
        flags |= parseNumber(part);
    }
}

std::chrono::microseconds parseDelay(const std::string& text) {
    return std::chrono::microseconds(parseNumber(text));
}

using Text = const std::string&;

struct Setting {
    const char* name;
    void (*apply)(Config&, Text);
};

constexpr Setting known[] = {
    {"PKCS11_TEST_TARGET", [](Config& c, Text text) { c.target = text; }},
    {"PKCS11_TEST_COUNTS", [](Config& c, Text text) { c.countsFile = text; }},
    {"PKCS11_TEST_LOG", [](Config& c, Text text) { c.logFile = text; }},
    {"PKCS11_TEST_DELAY_US", [](Config& c, Text text) { c.delay = parseDelay(text); }},
    {"PKCS11_TEST_DELAY_CRYPTO_US", [](Config& c, Text text) { c.cryptoDelay = parseDelay(text); }},
    {"PKCS11_TEST_DELAY_LOGIN_US", [](Config& c, Text text) { c.loginDelay = parseDelay(text); }},
    {"PKCS11_TEST_FAULTS",
     [](Config& c, Text text) { c.faults = std::make_shared<FaultPlan>(text); }},
    {"PKCS11_TEST_FAULT_EFFECT", [](Config& c, Text text) { c.faultEffect = parseEffect(text); }},
    {"PKCS11_TEST_HIDE_MECHANISMS",
     [](Config& c, Text text) { c.hiddenMechanisms = parseNumbers(text); }},
    {"PKCS11_TEST_HIDE_CLASSES",
     [](Config& c, Text text) { c.hiddenClasses = parseNumbers(text); }},
    {"PKCS11_TEST_HIDE_ATTRIBUTES",
     [](Config& c, Text text) { c.hiddenAttributes = parseNumbers(text); }},
    {"PKCS11_TEST_REFUSE_ATTRIBUTES",
     [](Config& c, Text text) { c.refusedAttributes = parseNumbers(text); }},
    {"PKCS11_TEST_MAX_SESSIONS", [](Config& c, Text text) { c.maxSessions = parseNumber(text); }},
    {"PKCS11_TEST_SIGNATURE_SIZE",
     [](Config& c, Text text) { c.signatureSize = parseNumber(text); }},
    {"PKCS11_TEST_VALUE_SIZE", [](Config& c, Text text) { c.valueSize = parseNumber(text); }},
    {"PKCS11_TEST_MARK_DECRYPTED",
     [](Config& c, Text text) { c.decryptedMarks = parseMarks(text); }},
    {"PKCS11_TEST_NO_OS_LOCKING", [](Config& c, Text text) { c.noOsLocking = parseSwitch(text); }},
    {"PKCS11_TEST_RAW_EC_POINT", [](Config& c, Text text) { c.rawEcPoint = parseSwitch(text); }},
    {"PKCS11_TEST_COMPRESS_EC_POINT",
     [](Config& c, Text text) { c.compressEcPoint = parseSwitch(text); }},
    {"PKCS11_TEST_ALREADY_INITIALIZED",
     [](Config& c, Text text) { c.alreadyInitialized = parseSwitch(text); }},
    {"PKCS11_TEST_PROTECTED_PATH", [](Config& c, Text text) { c.protectedPin = text; }},
    {"PKCS11_TEST_QUIRK", [](Config& c, Text text) { c.quirks = Quirks(text); }},
    {"PKCS11_TEST_TOKEN_FLAGS", parseFlags},
    {"PKCS11_TEST_ALWAYS_AUTHENTICATE",
     [](Config& c, Text text) { c.alwaysAuthenticate = parseSwitch(text); }},
    {"PKCS11_TEST_MESSAGE_SIGN", [](Config& c, Text text) { c.messageSign = parseSwitch(text); }},
    {"PKCS11_TEST_DERIVE_POINT", [](Config& c, Text text) { c.pointForm = parsePointForm(text); }},
    {"PKCS11_TEST_ZEROS", [](Config& c, Text text) { c.zeros = parseSwitch(text); }},
};

} // namespace

Config::Config(Settings from)
    : settings(std::move(from)), faults(std::make_shared<FaultPlan>(std::string())) {
    for (const auto& setting : known) {
        const auto found = settings.find(setting.name);
        if (found == settings.end() || found->second.empty())
            continue; // an empty variable counts as none
        try {
            setting.apply(*this, found->second);
        } catch (const ConfigError& error) {
            throw ConfigError(std::string(setting.name) + ": " + error.what());
        }
    }
}

std::vector<std::string> settingNames() {
    std::vector<std::string> names;
    for (const auto& setting : known)
        names.emplace_back(setting.name);
    return names;
}

bool contains(const Numbers& numbers, CK_ULONG number) {
    return std::ranges::find(numbers, number) != numbers.end();
}

} // namespace test_module
