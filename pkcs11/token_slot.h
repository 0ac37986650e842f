// SPDX-License-Identifier: Apache-2.0
// A token's slot, and the flags that the token has at present.
#pragma once

#include <atomic>
#include <string>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module.h"

namespace p11::pkcs11 {

/// The slot in which a token was found. It is valid in one initialization of the module.
/// Thread-safe.
struct TokenSlot {
    Module& module;
    InitializationId initializationId;
    CK_SLOT_ID id;
    const std::string& token; ///< `token "label" (serial 0123, module softhsm2)`, for messages

    /// Calls a function whose first argument is the slot.
    template <auto Member, typename... Args>
    CK_RV call(Args... args) const {
        return module.callIn<Member>(initializationId, id, args...);
    }
};

/// The flags of CK_TOKEN_INFO, as last read. Thread-safe.
class TokenFlags {
  public:
    TokenFlags(const TokenSlot& slot, CK_FLAGS flags) : slot_(slot), flags_(flags) {}

    CK_FLAGS all() const { return flags_; }
    void set(CK_FLAGS flags) { flags_ = flags; }
    bool has(CK_FLAGS flag) const { return (flags_ & flag) != 0; }
    /// Asks the token again before anything is refused because of `flag`.
    bool stillHas(CK_FLAGS flag);
    /// C_GetTokenInfo. After an error the flags are those of before.
    CK_RV read();
    /// The same, but throws Error.
    void require();

  private:
    TokenSlot slot_;
    std::atomic<CK_FLAGS> flags_;
};

} // namespace p11::pkcs11
