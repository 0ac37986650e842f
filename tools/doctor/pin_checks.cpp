// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>

#include <pwd.h>
#include <sys/stat.h>

#include "ossl/pin.h"
#include "tokens/pin_source.h"
#include "tools/doctor/checks.h"

namespace p11::tools::doctor {
namespace {

std::string rightsOf(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return {};
    const auto* user = ::getpwuid(status.st_uid);
    std::array<char, 16> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(status.st_mode & 07777));
    return std::string(" (owner ") +
           (user != nullptr ? user->pw_name : std::to_string(status.st_uid)) + ", mode " +
           mode.data() + ")";
}

const char* adviceFor(pkcs11::Failure failure) {
    switch (failure) {
    case pkcs11::Failure::pinFileMissing:
        return "check the path; it is relative to the folder where the program runs";
    case pkcs11::Failure::pinFileExposed:
        return "chmod o-r FILE, or set pkcs11-allow-readable-pin-files = yes";
    case pkcs11::Failure::pinFileUnreadable:
        return "give the file to the user that the program runs as: chown USER, chmod 400";
    default:
        return "name a file whose first line is the PIN";
    }
}

// The PIN is read, to say what keeps the provider from it, and dropped.
bool checkFile(Report& report, const std::string& origin, const std::string& path,
               bool readableByOthers) try {
    ossl::readPinFile(path, readableByOthers);
    report.ok("the PIN is in the file " + path + rightsOf(path) + ", which " + origin + " names");
    return true;
} catch (const pkcs11::Error& error) {
    report.fail(error.what() + rightsOf(path) + "; " + origin + " names it",
                adviceFor(error.failure()));
    return false;
}

bool checkSource(Report& report, const std::string& source, const ossl::Settings& settings) try {
    return checkFile(report, "pin-source", tokens::pinFile("pin-source", source),
                     settings.readablePinFiles);
} catch (const pkcs11::Error& error) {
    report.fail(error.what(), "name a file");
    return false;
}

} // namespace

bool checkPin(Report& report, const uri::Uri& uri, const ossl::ProviderContext& context,
              bool asks) {
    report.section("pin");
    const auto& settings = context.settings();
    if (!uri.pinValue().value_or("").empty()) {
        report.ok("the PIN is in the URI", "other users can see it on command lines and in logs: "
                                           "a file (pin-source) hides it");
        return true;
    }
    if (const auto source = uri.pinSource())
        return checkSource(report, *source, settings);
    if (settings.pin) {
        report.ok("the PIN comes from the configuration or from PKCS11_PIN");
        return true;
    }
    if (!settings.pinFile.empty())
        return checkFile(report, "the configuration", settings.pinFile, settings.readablePinFiles);
    if (asks)
        report.ok("no PIN is given: the program asks at the terminal");
    else
        report.ok("no PIN is given: programs have to ask for it, or get none",
                  "add pin-source=file:PATH to the URI, or set pkcs11-module-token-pin or "
                  "PKCS11_PIN");
    return asks;
}

} // namespace p11::tools::doctor
