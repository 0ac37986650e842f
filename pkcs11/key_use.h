// SPDX-License-Identifier: Apache-2.0
// What is told of one use of a private or secret key: a step in the debug log, a line in the audit
// log, and two probes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <p11-kit/pkcs11.h>

#include "pkcs11/bytes.h"
#include "pkcs11/error.h"
#include "pkcs11/json_line.h"
#include "pkcs11/object.h"
#include "pkcs11/trace.h"

namespace p11::pkcs11 {

/// The hash that is signed, with OpenSSL's name ("SHA2-256"). Both refer to the caller's.
struct SignedHash {
    std::string_view name = {};
    ByteView value = {};
};

/// A use of a key. It refers to what the caller has.
struct KeyUse {
    const char* operation; ///< "sign"
    std::optional<CK_MECHANISM_TYPE> mechanism = std::nullopt;
    SignedHash hash = {};
    /// The provider itself asks the key to show that a public key is its own.
    bool isProof = false;
    /// Neither the result nor the time is told, because both may depend on what is decrypted.
    bool isDecryption = false;
};

/// The record of a use, from its beginning. Without an audit log and a tracer it does nothing.
class KeyUseRecord {
  public:
    KeyUseRecord(const TokenObject& key, const KeyUse& use);

    /// The result in `out` may be given to the caller. If the line cannot be written, and the use
    /// is refused then, it wipes `out` and throws Error.
    void succeeded(MutableBytes out) const;
    /// The use failed with the exception that is being handled.
    void failed() const noexcept;

  private:
    bool isWanted() const;
    std::string mechanism() const;
    void tell(const std::string& result) const;
    JsonLine line(std::string_view result) const;

    const TokenObject& key_;
    const KeyUse& use_;
    std::chrono::system_clock::time_point began_;
    std::chrono::steady_clock::time_point start_;
};

/// Does `work()`, a use of `key` whose result is written to `out`, and records it.
template <typename Work>
auto useKey(const TokenObject& key, const KeyUse& use, MutableBytes out, Work&& work) {
    const trace::Step step(
        [&] { return std::string(use.operation) + " with the " + key.describe(); });
    const KeyUseRecord record(key, use);
    const auto result = [&] {
        try {
            return work();
        } catch (...) {
            record.failed();
            throw;
        }
    }();
    record.succeeded(out);
    return result;
}

} // namespace p11::pkcs11
