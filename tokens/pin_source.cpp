// SPDX-License-Identifier: Apache-2.0
#include "tokens/pin_source.h"

#include <array>
#include <filesystem>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "ossl/pin.h"
#include "pkcs11/error.h"
#include "pkcs11/text.h"

namespace p11::tokens {
namespace {

constexpr std::size_t longestPin = 1024;

} // namespace

std::string pinFile(const std::string& name, const std::string& source) {
    constexpr std::string_view scheme = "file:";
    constexpr std::string_view authority = "//";
    constexpr std::string_view thisMachine = "localhost/";
    std::string_view path = source;
    if (path.starts_with(scheme))
        path.remove_prefix(scheme.size());
    if (path.starts_with(authority)) {
        path.remove_prefix(authority.size());
        if (path.starts_with(thisMachine)) // RFC 8089, section 2
            path.remove_prefix(thisMachine.size() - 1);
    }
    if (path.starts_with('|'))
        throw pkcs11::Error(pkcs11::Failure::login, name + " names a command; only files are read");
    return std::string(path);
}

namespace {

// A label is anything.
bool canNameFile(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

// The token's file in the folder `path`.
std::string fileOf(const pkcs11::Token& token, const std::string& path) {
    const auto& info = token.info();
    for (const auto& name : {pkcs11::trimmed(info.serialNumber), pkcs11::trimmed(info.label)}) {
        const auto file = std::filesystem::path(path) / name;
        std::error_code error;
        if (canNameFile(name) && std::filesystem::exists(file, error))
            return file;
    }
    throw pkcs11::Error(pkcs11::Failure::pinFileMissing,
                        "the folder " + path +
                            " has no file with the serial number or the label of " +
                            token.describe());
}

pkcs11::Pin readPin(const std::string& path, const ossl::Settings& settings,
                    const pkcs11::Token* token) {
    std::error_code error;
    const bool isFolder = token != nullptr && std::filesystem::is_directory(path, error);
    return ossl::readPinFile(isFolder ? fileOf(*token, path) : path, settings.readablePinFiles);
}

pkcs11::Pin readPinSource(const std::string& name, const std::string& source,
                          const ossl::Settings& settings, const pkcs11::Token* token) {
    return readPin(pinFile(name, source), settings, token);
}

using PinValue = std::optional<std::string_view>;

// An empty PIN counts as none. A URI that was made with an unset variable must not cost a try.
PinValue unlessEmpty(PinValue value) {
    return value && value->empty() ? PinValue() : value;
}

PinValue pinValue(const uri::Uri& uri) {
    return unlessEmpty(uri.pinValue());
}

std::optional<pkcs11::Pin> givenPin(const uri::Uri& uri, const ossl::Settings& settings,
                                    const pkcs11::Token& token) {
    if (const auto value = pinValue(uri))
        return ossl::makePin(*value);
    if (const auto source = uri.pinSource())
        return readPinSource("pin-source", *source, settings, &token);
    if (settings.pin)
        return settings.pin;
    if (!settings.pinFile.empty())
        return readPin(settings.pinFile, settings, &token);
    return std::nullopt;
}

std::optional<pkcs11::Pin> askedPin(PassphraseCallback callback, const std::string& info) {
    std::array<char, longestPin> buffer{};
    std::size_t size = 0;
    const std::array params{OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO,
                                                             const_cast<char*>(info.c_str()), 0),
                            OSSL_PARAM_construct_end()};
    const bool answered =
        callback.function(buffer.data(), buffer.size(), &size, params.data(), callback.arg) == 1;
    std::optional<pkcs11::Pin> pin;
    if (answered && size > 0 && size <= buffer.size())
        pin = ossl::makePin({buffer.data(), size});
    OPENSSL_cleanse(buffer.data(), buffer.size());
    return pin;
}

std::optional<pkcs11::Pin> givenContextPin(const uri::Uri& uri, const ossl::Settings& settings) {
    if (const auto value = unlessEmpty(uri.contextPinValue()))
        return ossl::makePin(*value);
    if (const auto source = uri.contextPinSource())
        return readPinSource("x-context-pin-source", *source, settings, nullptr);
    return std::nullopt;
}

} // namespace

AskForPin askWith(PassphraseCallback callback) {
    if (callback.function == nullptr)
        return {};
    return [callback](const std::string& prompt) { return askedPin(callback, prompt); };
}

pkcs11::PinSource pinSource(const uri::Uri& uri, const ossl::ProviderContext& context,
                            const pkcs11::Token& token, AskForPin ask, bool namesToken) {
    auto answer = std::make_shared<std::optional<pkcs11::Pin>>();
    return {context.pins(),
            [uri, &context, &token] { return givenPin(uri, context.settings(), token); },
            [ask = std::move(ask), uri, &token, answer, namesToken] {
                if (!*answer && ask)
                    *answer = ask("PIN for " + (namesToken ? token.describe() : uri.withoutPin()));
                return *answer;
            }};
}

pkcs11::PinOwner::Given contextPin(const uri::Uri& uri, const ossl::ProviderContext& context) {
    return [uri, &context] { return givenContextPin(uri, context.settings()); };
}

bool hasGivenPin(const uri::Uri& uri, const ossl::Settings& settings) {
    return hasPin(uri) || settings.pin || !settings.pinFile.empty();
}

bool hasPin(const uri::Uri& uri) {
    return pinValue(uri) || uri.pinSource();
}

} // namespace p11::tokens
