// SPDX-License-Identifier: Apache-2.0
// OpenSSL's core as this provider sees it (provider-base(7)): the functions it offers, and errors
// raised through them.
#pragma once

#include <string>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "pkcs11/error.h"

namespace p11::ossl {

/// Reason codes of this provider's errors, as they appear after the library name in OpenSSL's error
/// queue. Many programs show nothing else. Codes keep their numbers.
enum class Reason : unsigned {
    callFailed = 1,
    module,
    notFound,
    ambiguous,
    login,
    uri,
    key,
    unsupported,
    parameter,
    data,
    internal,
    stopped,
    pinMissing,
    pinFileMissing,
    pinFileUnreadable,
    pinFileExposed,
    pinRefused,
    pinLocked,
    pinExpired,
    auditLog
};

/// Texts for Reason, for OSSL_FUNC_PROVIDER_GET_REASON_STRINGS. Static.
const OSSL_ITEM* reasonStrings();

Reason reasonOf(const pkcs11::Error& error);

/// A wrong parameter or wrong data from the application; guarded() turns it into an OpenSSL error.
class UsageError : public std::runtime_error {
  public:
    UsageError(Reason reason, const std::string& message)
        : std::runtime_error(message), reason_(reason) {}
    Reason reason() const { return reason_; }

  private:
    Reason reason_;
};

/// The errors that OpenSSL raises in this thread from here on, for our own messages.
class Reasons {
  public:
    Reasons() : before_(newest()) {}
    /// The last one; `otherwise` if there is no new one.
    std::string last(const std::string& otherwise) const;

  private:
    struct Entry {
        unsigned long code = 0;
        int line = 0;
        const char* data = nullptr;
        bool operator==(const Entry&) const = default;
    };
    static Entry newest();

    Entry before_;
};

/// The core's function table, copied at initialisation. Thread-safe.
class Core {
  public:
    Core(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions);

    const OSSL_CORE_HANDLE* handle() const { return handle_; }

    /// Puts an error into the thread's queue. `message` never holds a PIN or data;
    /// control characters in it are escaped.
    void raise(Reason reason, const std::string& message) const noexcept;

    /// A text from the provider's section of the configuration, or one that the core offers
    /// ("openssl-version", "provider-name"). Null if it is not set. The core owns the text.
    const char* parameter(const char* key) const;

  private:
    const OSSL_CORE_HANDLE* handle_;
    OSSL_FUNC_core_get_params_fn* getParams_ = nullptr;
    OSSL_FUNC_core_new_error_fn* newError_ = nullptr;
    OSSL_FUNC_core_set_error_debug_fn* setErrorDebug_ = nullptr;
    OSSL_FUNC_core_vset_error_fn* vsetError_ = nullptr;
};

} // namespace p11::ossl
