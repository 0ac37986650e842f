// SPDX-License-Identifier: Apache-2.0
// What a token has refused to do with a key.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "pkcs11/error.h"

namespace keymgmt {

/// Mechanisms with parameters that the token refused, so that they are not tried at every
/// operation. The caller makes the fingerprint of both. Thread-safe.
class Refusals {
  public:
    bool contain(std::uint64_t fingerprint) const;
    void add(std::uint64_t fingerprint);
    /// The token has begun an operation with them.
    void noteTaken(std::uint64_t fingerprint);
    /// True if `error` says that the token does not do them. There are modules that answer
    /// CKR_ARGUMENTS_BAD to everything that goes wrong: it counts from C_...Init alone, and no more
    /// once they were taken.
    bool areToldBy(const pkcs11::Error& error, std::uint64_t fingerprint) const;

  private:
    // The atomic values save a lock in nearly every operation.
    std::atomic<bool> any_{false};
    std::atomic<std::uint64_t> lastTaken_{0};
    // Guarded by pkcs11::process::stateMutex().
    std::vector<std::uint64_t> refused_;
    std::vector<std::uint64_t> taken_;
};

} // namespace keymgmt
