// SPDX-License-Identifier: Apache-2.0
// Copies of a token's keys as session objects: some tokens work faster with these.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/mutex.h"
#include "pkcs11/session_pool.h"

namespace p11::pkcs11 {

/// The session of a session pool in which keys are copied. It is kept as long as one of the copies
/// exists, because they end with it. No operation runs in it, so that no failure of one ends them.
/// Thread-safe: one thread calls the module, and nobody waits for it.
class CopySession {
  public:
    explicit CopySession(Session session) : session_(std::move(session)) {}
    CopySession(const CopySession&) = delete;
    CopySession& operator=(const CopySession&) = delete;

    Token& token() const { return session_.sessionPool().token(); }
    /// False after an answer that says that it is lost, or if a copy in it could not be destroyed.
    bool usable() const { return usable_; }
    /// C_DestroyObject, now or in the thread that works in it.
    void destroy(CK_OBJECT_HANDLE copy);

    /// The work of one thread in it. The end also destroys what others wanted to destroy meanwhile.
    class Work {
      public:
        explicit Work(CopySession& session) : session_(session), mayBegin_(session.enter()) {}
        ~Work() {
            if (mayBegin_)
                session_.leave();
        }
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;

        /// False if another thread works in the session.
        bool mayBegin() const { return mayBegin_; }
        /// C_CopyObject, if it may begin.
        CK_RV copy(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE& copy) {
            return session_.copy(key, copy);
        }

      private:
        CopySession& session_;
        bool mayBegin_;
    };

  private:
    bool enter();
    void leave();
    CK_RV copy(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE& copy);
    CK_OBJECT_HANDLE nextToDestroy();

    Session session_;
    std::atomic<bool> usable_{true};
    Mutex mutex_; ///< never held during a C_ call
    bool entered_ GUARDED_BY(mutex_) = false;
    std::vector<CK_OBJECT_HANDLE> toDestroy_ GUARDED_BY(mutex_);
};

/// A copy of a key, which is destroyed with this.
class KeyCopy {
  public:
    /// `deletions` are those of the token before the copy was made.
    KeyCopy(std::shared_ptr<CopySession> session, CK_OBJECT_HANDLE handle, unsigned long deletions)
        : session_(std::move(session)), handle_(handle), deletions_(deletions) {}
    ~KeyCopy() { session_->destroy(handle_); }
    KeyCopy(const KeyCopy&) = delete;
    KeyCopy& operator=(const KeyCopy&) = delete;

    /// Valid in all sessions of the session pool.
    CK_OBJECT_HANDLE handle() const { return handle_; }
    /// False once this process has deleted an object of the token, which may be the key.
    bool isCurrent() const;

  private:
    std::shared_ptr<CopySession> session_;
    CK_OBJECT_HANDLE handle_;
    unsigned long deletions_;
};

/// The result of an attempt to copy a key.
struct CopyAttempt {
    std::shared_ptr<const KeyCopy> copy; ///< null if no copy was made
    bool isBusy = false;                 ///< others are copying or searching, so try again
};

/// Copies `key`, which is `subject`, as it is, except that the copy is a session object. If the
/// token refuses copies, it is noted for the token, and is no error.
CopyAttempt copyKey(SessionPool& pool, CK_OBJECT_HANDLE key, const std::string& subject);

} // namespace p11::pkcs11
