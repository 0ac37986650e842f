// SPDX-License-Identifier: Apache-2.0
#include "ossl/core.h"

#include <array>
#include <cstdarg>

#include <openssl/err.h>
#include <openssl/params.h>

#include "pkcs11/printable.h"

namespace p11::ossl {
namespace {

constexpr std::size_t longestMessage = 1000; // ERR_MAX_DATA_SIZE is 1024

constexpr unsigned code(Reason reason) {
    return static_cast<unsigned>(reason);
}

// The C interface takes char*, and never writes to it.
constexpr OSSL_ITEM item(Reason reason, const char* text) {
    return {code(reason), const_cast<char*>(text)};
}

template <typename Function>
void take(Function*& target, const OSSL_DISPATCH& entry) {
    target = reinterpret_cast<Function*>(entry.function);
}

void setError(OSSL_FUNC_core_vset_error_fn* vsetError, const OSSL_CORE_HANDLE* handle,
              unsigned reason, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsetError(handle, reason, format, arguments);
    va_end(arguments);
}

Reason reasonOfLogin(CK_RV rv) {
    switch (rv) {
    case CKR_USER_NOT_LOGGED_IN:
        return Reason::pinMissing;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        return Reason::pinRefused;
    case CKR_PIN_LOCKED:
        return Reason::pinLocked;
    case CKR_PIN_EXPIRED:
        return Reason::pinExpired;
    default:
        return Reason::login;
    }
}

} // namespace

const OSSL_ITEM* reasonStrings() {
    static const std::array items{item(Reason::callFailed, "PKCS#11 call failed"),
                                  item(Reason::module, "PKCS#11 module unusable"),
                                  item(Reason::notFound, "not found"),
                                  item(Reason::ambiguous, "several objects fit"),
                                  item(Reason::login, "login failed"),
                                  item(Reason::uri, "invalid pkcs11 URI"),
                                  item(Reason::key, "invalid key"),
                                  item(Reason::unsupported, "unsupported"),
                                  item(Reason::parameter, "invalid parameter"),
                                  item(Reason::data, "invalid data"),
                                  item(Reason::internal, "internal error"),
                                  item(Reason::stopped, "stopped by the caller"),
                                  item(Reason::pinMissing, "no PIN was given"),
                                  item(Reason::pinFileMissing, "the PIN file is missing"),
                                  item(Reason::pinFileUnreadable, "the PIN file cannot be read"),
                                  item(Reason::pinFileExposed, "everybody can read the PIN file"),
                                  item(Reason::pinRefused, "the PIN was refused"),
                                  item(Reason::pinLocked, "the PIN is locked"),
                                  item(Reason::pinExpired, "the PIN has expired"),
                                  item(Reason::auditLog, "the audit log cannot be written"),
                                  OSSL_ITEM{0, nullptr}};
    return items.data();
}

Reasons::Entry Reasons::newest() {
    Entry entry;
    int flags = 0;
    entry.code = ERR_peek_last_error_all(nullptr, &entry.line, nullptr, &entry.data, &flags);
    if ((flags & ERR_TXT_STRING) == 0)
        entry.data = nullptr;
    return entry;
}

std::string Reasons::last(const std::string& otherwise) const {
    const auto now = newest();
    const char* reason = ERR_reason_error_string(now.code);
    if (now == before_ || reason == nullptr)
        return otherwise;
    const bool hasText = now.data != nullptr && *now.data != '\0';
    return hasText ? std::string(reason) + ": " + now.data : reason;
}

Reason reasonOf(const pkcs11::Error& error) {
    switch (error.failure()) {
    case pkcs11::Failure::call:
        return Reason::callFailed;
    case pkcs11::Failure::module:
        return Reason::module;
    case pkcs11::Failure::notFound:
        return Reason::notFound;
    case pkcs11::Failure::ambiguous:
        return Reason::ambiguous;
    case pkcs11::Failure::login:
        return reasonOfLogin(error.rv());
    case pkcs11::Failure::pinFileMissing:
        return Reason::pinFileMissing;
    case pkcs11::Failure::pinFileUnreadable:
        return Reason::pinFileUnreadable;
    case pkcs11::Failure::pinFileExposed:
        return Reason::pinFileExposed;
    case pkcs11::Failure::uri:
        return Reason::uri;
    case pkcs11::Failure::key:
        return Reason::key;
    case pkcs11::Failure::auditLog:
        return Reason::auditLog;
    case pkcs11::Failure::unsupported:
        return Reason::unsupported;
    }
    return Reason::internal;
}

Core::Core(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions) : handle_(handle) {
    for (; functions->function_id != 0; ++functions) {
        switch (functions->function_id) {
        case OSSL_FUNC_CORE_GET_PARAMS:
            take(getParams_, *functions);
            break;
        case OSSL_FUNC_CORE_NEW_ERROR:
            take(newError_, *functions);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            take(setErrorDebug_, *functions);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            take(vsetError_, *functions);
            break;
        default: // newer cores offer more
            break;
        }
    }
}

void Core::raise(Reason reason, const std::string& message) const noexcept {
    if (newError_ == nullptr || vsetError_ == nullptr)
        return;
    newError_(handle_);
    if (setErrorDebug_ != nullptr)
        setErrorDebug_(handle_, "pkcs11", 0, "");
    // OpenSSL drops the whole text if it is longer than its buffer.
    setError(vsetError_, handle_, code(reason), "%s",
             pkcs11::printable(message).substr(0, longestMessage).c_str());
}

const char* Core::parameter(const char* key) const {
    if (getParams_ == nullptr)
        return nullptr;
    char* value = nullptr;
    std::array request{OSSL_PARAM_construct_utf8_ptr(key, &value, 0), OSSL_PARAM_construct_end()};
    return getParams_(handle_, request.data()) == 1 ? value : nullptr;
}

} // namespace p11::ossl
