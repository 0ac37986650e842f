// SPDX-License-Identifier: Apache-2.0
// One instance of the provider: its core, its own library context, its settings, its modules.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ossl/core.h"
#include "ossl/handles.h"
#include "ossl/settings.h"
#include "pkcs11/process.h"
#include "pkcs11/registry.h"
#include "pkcs11/token_pins.h"

namespace ossl {

/// What `provctx` points to. Thread-safe.
class Context {
  public:
    using ReadSettings = std::function<Settings(const Core&)>;
    struct Configuration {
        ReadSettings read;
        bool hasMisspelling = false; ///< a directive is misspelt; `read` tells which
    };
    Context(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions,
            Configuration configuration);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    static Context& from(void* provctx) { return *static_cast<Context*>(provctx); }

    const Core& core() const { return core_; }
    /// Read at the first call, and then kept. OpenSSL 3.5 accepts directives after it has
    /// initialised the provider (OSSL_PROVIDER_add_conf_parameter, -provparam).
    const Settings& settings() const;
    bool hasMisspelling() const { return configuration_.hasMisspelling; }

    /// The context for the provider's own digests, public-key operations and parsing. It is a child
    /// of the application's (OSSL_LIB_CTX_new_child(3)), with the default provider if the
    /// application has no other.
    OSSL_LIB_CTX* libctx() const;
    /// Its property query: never this provider's own algorithms.
    static const char* propq() { return "provider!=pkcs11"; }
    /// The query for the provider that gets keys in memory. If this provider's algorithms have
    /// fips=yes, that is a FIPS provider if there is one.
    const char* softwareQuery() const {
        return assumesFips_ ? "provider!=pkcs11,?fips=yes" : propq();
    }
    void setAssumesFips() { assumesFips_ = true; }

    /// A digest by any of its names; null if there is none.
    Md digest(const char* name) const;

    /// True once modules() has loaded them.
    bool modulesLoaded() const { return modulesLoaded_.load(); }
    /// The modules that this instance may use, loaded at the first call, and kept in use until it
    /// ends. Throws pkcs11::Error.
    std::vector<pkcs11::Module*> modules();

    /// The owner of the PINs that this instance was given.
    pkcs11::PinOwner& pins() const { return pins_; }

    /// The token for random numbers, once it has been found; null before.
    pkcs11::Token* randomToken() const { return randomToken_.load(); }
    void setRandomToken(pkcs11::Token& token) { randomToken_ = &token; }

  private:
    Core core_;
    Configuration configuration_;
    LibCtx libctx_;
    std::atomic<bool> assumesFips_{false};
    mutable std::atomic<bool> probed_{false};
    std::atomic<pkcs11::Token*> randomToken_{nullptr}; ///< its module's, which outlives this
    // It is destroyed after the uses of the modules: if one of these was the last, the login has
    // already ended.
    mutable pkcs11::PinOwner pins_;
    // The rest is guarded by pkcs11::process::stateMutex().
    mutable Provider default_;
    mutable std::atomic<bool> settingsRead_{false};
    mutable Settings settings_;
    std::atomic<bool> modulesLoaded_{false};
    std::vector<pkcs11::ModuleUse> modules_ GUARDED_BY(pkcs11::process::stateMutex());
};

} // namespace ossl
