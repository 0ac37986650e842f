// SPDX-License-Identifier: Apache-2.0
// A token: its identity, which outlives slots, sessions and forks, and its present session pool.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/process.h"
#include "pkcs11/session_pool.h"

namespace p11::pkcs11 {

/// A token, identified by label, manufacturer, model and serial number. Lives as long as its
/// Module. Thread-safe.
class Token {
  public:
    Token(Module& module, CK_SLOT_ID slot, const CK_TOKEN_INFO& info);
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

    Module& module() const { return shared_.module(); }
    /// As read when the token was first seen. The flags may be outdated.
    const CK_TOKEN_INFO& info() const { return info_; }
    bool isAt(CK_SLOT_ID slot, const CK_TOKEN_INFO& info) const;
    /// `token "label" (serial 0123, module softhsm2)`, for messages.
    const std::string& describe() const { return shared_.describe(); }

    /// The session pool to use now. Before the first one, and after a loss, the module is
    /// initialised and the slot is looked for again. Throws Error.
    std::shared_ptr<SessionPool> sessionPool();

    /// The number of successful operations, in all threads.
    unsigned long successes() const { return successes_; }
    /// Counts another one at the end of its scope, unless an exception ends it.
    class Success {
      public:
        explicit Success(Token& token) : token_(token) {}
        ~Success() { token_.successes_ += std::uncaught_exceptions() == exceptions_ ? 1 : 0; }
        Success(const Success&) = delete;
        Success& operator=(const Success&) = delete;

      private:
        Token& token_;
        int exceptions_ = std::uncaught_exceptions();
    };

    /// The present session pool; null before the first one, and after a loss.
    std::shared_ptr<SessionPool> present() const;

    /// True if it is connected and its mechanisms are known, so that nobody has to wait for them.
    bool knowsMechanisms() const;

    /// The token has just been seen in `slot`, in the module's initialization `initializationId`.
    /// So sessionPool() need not look for it, and the flags of an existing session pool are
    /// updated.
    void noteSeen(InitializationId initializationId, CK_SLOT_ID slot, const CK_TOKEN_INFO& info);

    /// Drops the session pool, if it is still `lost`. The next sessionPool() makes another.
    void drop(const std::shared_ptr<SessionPool>& lost);

    /// It refuses read-only sessions, or the operation in them.
    void noteReadWrite() { shared_.noteReadWrite(); }

    bool isOfSoftHsm() const;
    /// True if its keys may have copies (pkcs11/key_copy.h), whatever it answers now.
    bool mayHaveCopies() const;
    /// True if operations make copies of its keys.
    bool copiesKeys() const { return !refusesCopies_ && mayHaveCopies(); }
    /// It refuses copies, or their use.
    void noteNoCopies() { refusesCopies_ = true; }
    /// Increases with each noteDeletion(). A copy of a key may outlive the key.
    unsigned long deletions() const { return deletions_; }
    /// An object was deleted.
    void noteDeletion() { ++deletions_; }

    /// The additional attributes that a derived secret key needs on this token.
    enum DerivedKey : unsigned { plain, derivable, privateToo, withoutLength, derivedKeys };
    unsigned derivedKey() const { return derivedKey_; }
    /// Call it once the token has made such a key.
    void noteDerivedKey(unsigned form) { derivedKey_ = form; }

    TokenPins& pins() { return shared_.pins(); }
    /// Ends the login, if there is one, and the session pool. Throws nothing.
    void logOut() noexcept;

  private:
    std::shared_ptr<SessionPool> connect(InitializationId initializationId);
    std::shared_ptr<SessionPool> findIn(std::vector<CK_SLOT_ID> slots,
                                        InitializationId initializationId, CK_RV& failure);
    std::shared_ptr<SessionPool> keep(std::shared_ptr<SessionPool> fresh);

    SharedTokenState shared_;
    CK_SLOT_ID slot_;
    CK_TOKEN_INFO info_;
    std::atomic<unsigned long> successes_{0};
    std::atomic<unsigned> derivedKey_{plain};
    std::atomic<bool> refusesCopies_{false};
    std::atomic<unsigned long> deletions_{0};
    std::shared_ptr<SessionPool> pool_ GUARDED_BY(process::stateMutex());
};

/// True if both are the same token: label, manufacturer, model and serial number.
bool sameIdentity(const CK_TOKEN_INFO& a, const CK_TOKEN_INFO& b);

} // namespace p11::pkcs11
