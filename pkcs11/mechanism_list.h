// SPDX-License-Identifier: Apache-2.0
// The mechanisms of a token, and those with which it signs message after message.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/mutex.h"
#include "pkcs11/token_slot.h"

namespace p11::pkcs11 {

/// The mechanisms of the token in a slot. Each thing is asked only once. Thread-safe.
class MechanismList {
  public:
    explicit MechanismList(const TokenSlot& slot) : slot_(slot) {}
    MechanismList(const MechanismList&) = delete;
    MechanismList& operator=(const MechanismList&) = delete;

    /// True once offers() has asked the token.
    bool isKnown();
    /// True if the token offers `mechanism`. Throws Error.
    bool offers(CK_MECHANISM_TYPE mechanism);
    /// True if the token offers `mechanism` for all of `use` (CKF_ENCRYPT, CKF_WRAP). Throws Error.
    bool offers(CK_MECHANISM_TYPE mechanism, CK_FLAGS use);
    /// True if the token signs message after message with `mechanism`.
    bool signsMessages(CK_MECHANISM_TYPE mechanism);
    /// The token claimed to do so, but does not: it answered `rv`. Some modules answer
    /// CKR_ARGUMENTS_BAD to every failure, so that is ignored once noteMessages() was called.
    void noteNoMessages(CK_MECHANISM_TYPE mechanism, CK_RV rv);
    void noteMessages(CK_MECHANISM_TYPE mechanism);

  private:
    using Types = std::vector<CK_MECHANISM_TYPE>;
    const Types& all();
    std::unique_ptr<Types> read() const;
    CK_FLAGS usesOf(CK_MECHANISM_TYPE mechanism);

    TokenSlot slot_;
    Mutex mutex_; ///< never held during a C_ call
    /// Sorted. Null until it is read, and never changed afterwards.
    std::unique_ptr<const Types> all_ GUARDED_BY(mutex_);
    std::map<CK_MECHANISM_TYPE, CK_FLAGS> uses_ GUARDED_BY(mutex_); ///< of CK_MECHANISM_INFO
    enum class Messages { none, offered, begun };
    std::map<CK_MECHANISM_TYPE, Messages> messages_ GUARDED_BY(mutex_);
};

} // namespace p11::pkcs11
