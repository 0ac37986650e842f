// SPDX-License-Identifier: Apache-2.0
// What a token has refused to do with a key.
#pragma once

#include <atomic>
#include <vector>

#include "pkcs11/cryptoki.h"
#include "pkcs11/error.h"

namespace p11::keymgmt {

/// A mechanism with its parameters, used in one way: a token may decrypt with a mechanism, and
/// refuse to sign with it.
struct Use {
    enum Purpose : unsigned char { sign, decrypt, derive } purpose;
    CK_MECHANISM_TYPE mechanism;
    CK_MECHANISM_TYPE hash = 0;   ///< of PSS and OAEP
    CK_RSA_PKCS_MGF_TYPE mgf = 0; ///< likewise
    CK_ULONG saltSize = 0;        ///< bytes; of PSS

    bool operator==(const Use&) const = default;
};

/// Uses that the token refused, so that they are not tried at every operation. Thread-safe.
class Refusals {
  public:
    bool contain(const Use& use) const;
    void add(const Use& use);
    /// The token has begun an operation so.
    void noteTaken(const Use& use);
    /// True if `error` says that the token does not do it. There are modules that answer
    /// CKR_ARGUMENTS_BAD to everything that goes wrong: it counts from C_...Init alone, and no more
    /// once the use was taken.
    bool areToldBy(const pkcs11::Error& error, const Use& use) const;

  private:
    std::atomic<bool> any_{false}; ///< saves the lock in nearly every operation
    // Guarded by pkcs11::process::stateMutex().
    std::vector<Use> refused_;
    std::vector<Use> taken_;
};

} // namespace p11::keymgmt
