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
#include "pkcs11/workers.h"

namespace p11::ossl {

/// What `provctx` points to. Thread-safe.
class ProviderContext {
  public:
    using ReadSettings = std::function<Settings(const Core&)>;
    ProviderContext(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions,
                    ReadSettings read);
    ~ProviderContext();
    ProviderContext(const ProviderContext&) = delete;
    ProviderContext& operator=(const ProviderContext&) = delete;

    static ProviderContext& from(void* provctx) { return *static_cast<ProviderContext*>(provctx); }

    const Core& core() const { return core_; }
    /// The name that the configuration or OSSL_PROVIDER_load(3) gave this instance.
    std::string_view name() const;
    /// Read at the first call, and then kept. OpenSSL 3.5 accepts directives after it has
    /// initialised the provider (OSSL_PROVIDER_add_conf_parameter, -provparam).
    const Settings& settings() const;

    /// The context for the provider's own digests, public-key operations and parsing. It is a child
    /// of the application's (OSSL_LIB_CTX_new_child(3)), with the default provider if the
    /// application has no other.
    OSSL_LIB_CTX* libctx() const;
    /// Its property query: never this provider's own algorithms.
    static const char* propq() { return "pkcs11.provider!=yes"; }
    /// The property by which that query knows them, whatever name an instance was loaded under:
    /// one instance must not take another's algorithms for software. Names of our own need a dot.
    static constexpr const char* ownProperty = "pkcs11.provider=yes";
    /// The query for the provider that gets keys in memory. If this provider's algorithms have
    /// fips=yes, that is a FIPS provider if there is one.
    const char* softwareQuery() const {
        return assumesFips_ ? "pkcs11.provider!=yes,?fips=yes" : propq();
    }
    void setAssumesFips() { assumesFips_ = true; }

    /// A digest by any of its names; null if no provider has it.
    Md digest(const char* name) const;

    /// True once modules() has loaded them.
    bool modulesLoaded() const { return modulesLoaded_.load(); }
    /// True for the first caller only, which loads the modules before a URI asks for them.
    bool beginsEarlyLoad() { return !earlyLoadBegun_.exchange(true); }
    /// The modules that this instance may use, loaded at the first call, and kept in use until it
    /// ends. Throws pkcs11::Error.
    std::vector<pkcs11::Module*> modules();

    /// The owner of the PINs that this instance was given.
    pkcs11::PinOwner& pins() const { return pins_; }

    /// The threads that wait for tokens while jobs of OpenSSL are paused (ossl/job.h).
    pkcs11::Workers& workers() const { return workers_; }

    /// The token for random numbers, once it has been found; null before.
    pkcs11::Token* randomToken() const { return randomToken_.load(); }
    void setRandomToken(pkcs11::Token& token) { randomToken_ = &token; }

    /// The token for digests, likewise.
    pkcs11::Token* digestToken() const { return digestToken_.load(); }
    void setDigestToken(pkcs11::Token& token) { digestToken_ = &token; }

  private:
    Core core_;
    ReadSettings readSettings_;
    LibCtx libctx_;
    std::atomic<bool> assumesFips_{false};
    mutable std::atomic<bool> probed_{false};
    std::atomic<pkcs11::Token*> randomToken_{nullptr}; ///< its module's, which outlives this
    std::atomic<pkcs11::Token*> digestToken_{nullptr}; ///< likewise
    // It is destroyed after the uses of the modules: if one of these was the last, the login has
    // already ended.
    mutable pkcs11::PinOwner pins_;
    // The rest is guarded by pkcs11::process::stateMutex().
    mutable Provider default_;
    mutable std::atomic<bool> settingsRead_{false};
    mutable Settings settings_;
    std::atomic<bool> earlyLoadBegun_{false};
    std::atomic<bool> modulesLoaded_{false};
    std::vector<pkcs11::ModuleUse> modules_ GUARDED_BY(pkcs11::process::stateMutex());
    mutable pkcs11::Workers workers_; ///< ends before what its tasks use
};

} // namespace p11::ossl
