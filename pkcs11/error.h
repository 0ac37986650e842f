// SPDX-License-Identifier: Apache-2.0
// The errors below the C boundary: what failed, on which object, and with which CK_RV.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <p11-kit/pkcs11.h>

namespace p11::pkcs11 {

/// The kind of an Error. The provider makes its OpenSSL reason code from it.
enum class Failure {
    call,      ///< a C_ function failed with rv()
    module,    ///< a module could not be loaded or is not permitted
    notFound,  ///< no token or no object fits
    ambiguous, ///< several fit, but only one may
    login,     ///< rv() tells: a PIN is missing, refused, locked or expired, or C_Login failed
    pinFileMissing,
    pinFileUnreadable, ///< or unsuitable
    pinFileExposed,    ///< everybody can read it
    uri,               ///< the URI is malformed
    key,               ///< a key has attributes that make no sense
    auditLog,          ///< the use of a key could not be written to the audit log
    unsupported        ///< neither the token nor this provider can do it
};

/// True if nobody could log in.
constexpr bool isOfLogin(Failure failure) {
    return failure == Failure::login || failure == Failure::pinFileMissing ||
           failure == Failure::pinFileUnreadable || failure == Failure::pinFileExposed;
}

class Error : public std::runtime_error {
  public:
    Error(Failure failure, const std::string& message, CK_RV rv = CKR_OK,
          const char* function = nullptr)
        : std::runtime_error(message), failure_(failure), rv_(rv), function_(function) {}

    Failure failure() const { return failure_; }
    /// CKR_OK if no C_ function failed.
    CK_RV rv() const { return rv_; }
    /// True if the C_ function with that name failed.
    bool isOf(std::string_view function) const {
        return function_ != nullptr && function == function_;
    }

  private:
    Failure failure_;
    CK_RV rv_;
    const char* function_;
};

/// "CKR_PIN_INCORRECT"; null for unknown values.
const char* knownName(CK_RV rv);
/// "CKR_PIN_INCORRECT"; unknown values as "CKR_0x...".
std::string rvName(CK_RV rv);

/// An Error that names the function (functionName), the result, and the object.
Error callFailed(const char* function, CK_RV rv, std::string_view subject);

/// `refusal` (CKR_KEY_FUNCTION_NOT_PERMITTED) with the attribute that the key lacks.
Error notPermitted(const Error& refusal, const char* attribute);

/// True if `rv` says that the sessions, the login or the device are gone. Then a new session, a new
/// login and another attempt may help.
bool invalidatesSessions(CK_RV rv);

/// True if `rv` says that only the object's handle is invalid.
bool isHandleLoss(CK_RV rv);

} // namespace p11::pkcs11
