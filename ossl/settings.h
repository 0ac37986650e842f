// SPDX-License-Identifier: Apache-2.0
// Settings from the configuration and the environment. provider/configuration reads them once, at
// the first use.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkcs11/audit_log.h"
#include "pkcs11/module_options.h"
#include "pkcs11/pin.h"

namespace p11::ossl {

/// When to log in before a search for public objects. A search for private keys always logs in.
enum class LoginBehavior { automatic, always, never };

/// How the tokens with the same key share its work (docs/high-availability.md).
enum class Replicas {
    off,
    failover, ///< the first that works
    balance   ///< the one with the fewest operations under way
};

/// "off", "failover" and "balance". Nothing for other words.
constexpr std::optional<Replicas> replicasNamed(std::string_view name) {
    if (name == "off")
        return Replicas::off;
    if (name == "failover")
        return Replicas::failover;
    return name == "balance" ? std::optional(Replicas::balance) : std::nullopt;
}

struct Settings {
    std::string problem;                  ///< the error in the configuration; empty if it is valid
    std::vector<std::string> modulePaths; ///< empty for the modules registered with p11-kit
    pkcs11::ModuleOptions module;
    std::optional<pkcs11::Pin> pin;
    std::string pinFile;                         ///< read at the first login; empty for none
    bool readablePinFiles = false;               ///< also accept PIN files that everybody can read
    std::vector<std::string> allowedModulePaths; ///< pkcs11::ModulePolicy
    LoginBehavior login = LoginBehavior::automatic;
    bool noAllowedMechanisms = false; ///< quirk: CKA_ALLOWED_MECHANISMS is never read
    bool allowPublicExport = true;
    /// The key type of keys that sign only with PSS, "RSA" or "RSA-PSS". Empty means: what their
    /// certificate says.
    std::string pssOnlyKeys;
    bool loadEarly = false;  ///< pkcs11-module-load-behavior
    std::string randomToken; ///< URI of the token for random numbers; empty for none
    std::string digestToken; ///< URI of the token for digests; empty for none
    Replicas replicas = Replicas::off;
    std::vector<std::string> replicaTokens; ///< labels or serial numbers; empty: all that fit
    std::size_t asyncThreads = 64;          ///< for OpenSSL's jobs; 0: the caller's thread
    std::optional<pkcs11::Pin> contextPin;  ///< for keys that need it at each use
    std::string contextPinFile;             ///< read at each use; empty for none
    /// pkcs11-audit-log: "journal", "file:/PATH", or empty for none.
    std::string auditLog;
    /// pkcs11-audit-log-failure.
    bool refusesUnaudited = false;
    /// Null for none.
    std::shared_ptr<pkcs11::AuditLog> audit;
};

} // namespace p11::ossl
