// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tools/doctor/checks.h"
#include "tools/shared/error.h"

namespace p11::tools::doctor {
namespace {

const char* adviceFor(ossl::Reason reason) {
    using ossl::Reason;
    switch (reason) {
    case Reason::pinMissing:
        return "add pin-source=file:PATH to the URI, or answer the question for the PIN";
    case Reason::pinRefused:
        return "correct the PIN: it was tried once, and each wrong one counts";
    case Reason::pinLocked:
        return "the security officer unlocks it: pkcs11-tool --init-pin --login --login-type so";
    case Reason::pinExpired:
        return "set a new one: pkcs11-tool --change-pin --login";
    case Reason::pinFileMissing:
    case Reason::pinFileUnreadable:
    case Reason::pinFileExposed:
        return "see the section \"pin\"";
    default:
        return "the reason names what C_Login answered";
    }
}

} // namespace

namespace {

bool mayLogInTo(Report& report, const inspection::SeenToken& token, bool isAsked, bool isForced) {
    const auto flags = token.info.flags;
    if ((flags & CKF_LOGIN_REQUIRED) == 0) {
        report.ok("the token needs no login");
        return true;
    }
    if (!isAsked) {
        report.ok("no login: none was asked for",
                  "--login, or a PIN in the URI, logs in and looks at the key");
        return false;
    }
    if ((flags & CKF_USER_PIN_LOCKED) != 0) {
        report.fail("no login: the PIN is locked", adviceFor(ossl::Reason::pinLocked));
        return false;
    }
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0 && !isForced) {
        report.fail("no login: one more wrong PIN locks the token",
                    "make sure of the PIN; --login tries it");
        return false;
    }
    return true;
}

} // namespace

bool mayLogIn(Report& report, const std::vector<inspection::SeenToken>& fitting, bool isAsked,
              bool isForced) {
    return !fitting.empty() &&
           std::ranges::all_of(fitting, [&](const inspection::SeenToken& token) {
               return mayLogInTo(report, token, isAsked, isForced);
           });
}

bool checkLogin(Report& report, const LoadedKey& loaded, bool isRequired) {
    if (loaded.loginFailed()) {
        report.fail(loaded.reasons, adviceFor(*loaded.reason));
        return false;
    }
    if (isRequired)
        report.ok("logged in through the provider");
    return true;
}

} // namespace p11::tools::doctor
