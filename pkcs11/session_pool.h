// SPDX-License-Identifier: Apache-2.0
// The pool of a token's sessions in a slot, until they are lost.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/copy_gate.h"
#include "pkcs11/mechanism_list.h"
#include "pkcs11/module.h"
#include "pkcs11/mutex.h"
#include "pkcs11/process.h"
#include "pkcs11/token_pins.h"
#include "pkcs11/token_slot.h"

namespace p11::pkcs11 {

class Token;

class SessionPool;

class CopySession;

/// A signing operation that stays active between messages (C_MessageSignInit, PKCS#11 3.0, section
/// 5.14). It consists of a key's handle and a mechanism.
struct MessageSigning {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_MECHANISM_TYPE type = 0;
    std::array<unsigned char, 32> parameter{};
    std::size_t parameterSize = 0;

    /// Nothing if the mechanism's parameter is too long to keep, or contains pointers.
    static std::optional<MessageSigning> of(const CK_MECHANISM& mechanism);
    bool operator==(const MessageSigning&) const = default;
};

/// A session from a pool. Used by one thread at a time, and given back at the end of
/// its scope.
class Session {
  public:
    Session(std::shared_ptr<SessionPool> pool, CK_SESSION_HANDLE handle,
            std::optional<MessageSigning> begun = std::nullopt)
        : pool_(std::move(pool)), handle_(handle), begun_(begun) {}
    Session(Session&& other) noexcept = default;
    Session& operator=(Session&&) = delete;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    CK_SESSION_HANDLE handle() const { return handle_; }
    SessionPool& sessionPool() const { return *pool_; }
    Module& module() const;
    /// The initialization of the module in which the session, and everything made in it, is valid.
    InitializationId initializationId() const;

    /// It is not kept, but closed at the end of its scope.
    void discard() { disposal_ = disposal_ == Disposal::forget ? disposal_ : Disposal::close; }
    /// The same because of `rv`. If the module no longer has the session, it is not closed either.
    /// If only the login is gone, the session still exists.
    void discard(CK_RV rv) {
        discard();
        if (invalidatesSessions(rv) && rv != CKR_USER_NOT_LOGGED_IN)
            disposal_ = Disposal::forget;
    }
    /// True if `rv` only says that nobody has logged in yet. Then nothing is lost.
    bool lacksFirstLogin(CK_RV rv) const;

    /// The message signing that is active in it, and stays active when the session is given back.
    const std::optional<MessageSigning>& begun() const { return begun_; }
    void setBegun(std::optional<MessageSigning> signing) { begun_ = signing; }

    /// Calls a function whose first argument is the session.
    template <auto Member, typename... Args>
    CK_RV call(Args... args) {
        return module().callIn<Member>(initializationId(), handle_, args...);
    }

    /// The same, but throws Error unless the answer is CKR_OK. After an error the session is not
    /// kept.
    template <auto Member, typename... Args>
    void require(Args... args) {
        const CK_RV rv = call<Member>(args...);
        if (rv != CKR_OK)
            fail(functionName<Member>, rv);
    }

    /// Throws the Error for `rv`. The session is not used again, unless only an object's handle is
    /// invalid in it.
    [[noreturn]] void fail(const char* function, CK_RV rv);

    /// C_GetSessionInfo: false if the token says that nobody is logged in. Throws Error.
    bool isLoggedIn();

  private:
    friend class SessionPool;
    enum class Disposal { keep, close, forget };
    std::shared_ptr<SessionPool> pool_;
    CK_SESSION_HANDLE handle_;
    std::optional<MessageSigning> begun_;
    Disposal disposal_ = Disposal::keep;
};

/// An operation that is active in a session, after C_...Init. Unless it has ended, the session is
/// discarded at the end of the scope.
class ActiveOperation {
  public:
    explicit ActiveOperation(Session& session) : session_(session) {}
    ~ActiveOperation() {
        if (!ended_)
            session_.discard();
    }
    ActiveOperation(const ActiveOperation&) = delete;
    ActiveOperation& operator=(const ActiveOperation&) = delete;

    /// The module has ended it.
    void end() { ended_ = true; }

  private:
    Session& session_;
    bool ended_ = false;
};

/// What all session pools of a token share, whichever of them is in use.
/// Owned by its Token, which outlives all session pools. Thread-safe.
class SharedTokenState {
  public:
    /// `description` is for messages: `token "label" (serial 0123, module softhsm2)`. `logOut` ends
    /// the token's login, and throws nothing.
    SharedTokenState(Token& token, Module& module, std::string description,
                     std::function<void()> logOut)
        : token_(token), module_(module), description_(std::move(description)),
          pins_(std::move(logOut)) {}
    SharedTokenState(const SharedTokenState&) = delete;
    SharedTokenState& operator=(const SharedTokenState&) = delete;

    /// Whose it is: for the layers above.
    Token& token() const { return token_; }
    Module& module() const { return module_; }
    const std::string& describe() const { return description_; }
    TokenPins& pins() { return pins_; }

    /// It refuses read-only sessions, or the operation in them.
    void noteReadWrite() { readWrite_ = true; }
    bool needsReadWrite() const { return readWrite_ || module_.options().readWriteSessions; }

    /// Counts the sessions of `pool` for others of the token, as long as somebody uses it.
    void add(const std::shared_ptr<SessionPool>& pool);
    /// The sessions that are open, or are being opened, in other session pools than `pool`:
    /// those that were dropped while somebody worked with them.
    std::size_t sessionsElsewhere(const SessionPool& pool) const;

  private:
    Token& token_;
    Module& module_;
    const std::string description_;
    TokenPins pins_;
    std::atomic<bool> readWrite_{false};
    std::vector<std::weak_ptr<SessionPool>> pools_ GUARDED_BY(process::stateMutex());
};

/// Thread-safe. Sessions keep it alive.
class SessionPool : public std::enable_shared_from_this<SessionPool> {
  public:
    /// `slot` and `flags` were read in the module's initialization `initializationId`.
    SessionPool(SharedTokenState& shared, InitializationId initializationId, CK_SLOT_ID slot,
                CK_FLAGS flags);
    SessionPool(const SessionPool&) = delete;
    SessionPool& operator=(const SessionPool&) = delete;

    Token& token() const { return shared_.token(); }
    Module& module() const { return shared_.module(); }
    /// The token, for messages.
    const std::string& describe() const { return shared_.describe(); }
    CK_SLOT_ID slot() const { return slot_.id; }
    /// False once the sessions are lost or the module has been finalized.
    bool valid() const;
    InitializationId initializationId() const { return slot_.initializationId; }
    /// Threads that do not exist in this process may hold its locks and count as its waiters.
    bool isFromParentProcess() const;
    TokenFlags& flags() { return flags_; }
    MechanismList& mechanisms() { return mechanisms_; }
    CopyGate& copyGate() { return copyGate_; }
    TokenPins& pins() const { return shared_.pins(); }
    bool loginRequired() const { return flags_.has(CKF_LOGIN_REQUIRED); }
    bool loggedIn() const { return loggedIn_.load(); }
    /// A login has succeeded, or the token needs none. It lasts as long as a session is open.
    void noteLogin() { loggedIn_ = true; }

    /// How long a thread waits for a session.
    static constexpr auto sessionWait = std::chrono::seconds(60);

    /// A session for the caller. If the token has no more sessions (CKR_SESSION_COUNT), waits for
    /// up to a minute. Throws Error.
    Session take();
    /// The same, but prefers a session in which `wanted` is already active.
    Session take(const MessageSigning& wanted);
    /// A read/write session, for changes to the token. It is opened for the caller and closed
    /// afterwards, because tokens have few of them. Waits as take() does. Throws Error.
    Session takeWritable();
    /// Closes an idle session, so that the token has one more to give. If none is idle, waits until
    /// one comes back, for a second at most.
    void makeRoom();
    /// An idle or new session, to keep beside those of operations. Nothing if the token is full.
    /// Does not wait.
    std::optional<Session> takeSpare();

    /// The session in which keys are copied (pkcs11/key_copy.h). Null while no copy exists.
    std::shared_ptr<CopySession> copySession() const;
    void setCopySession(const std::shared_ptr<CopySession>& session);

    /// C_Logout, if a session is available for it. Do not use the session pool afterwards.
    void logOut();

    /// True if all of its sessions are read/write sessions.
    bool isReadWrite() const { return readWrite_; }

    /// Closes the idle sessions, and keeps none from now on.
    void invalidate();

    /// The number of open sessions, idle or in use.
    std::size_t openSessions() const;
    /// The same, including sessions that are just being opened.
    std::size_t countedSessions() const;

  private:
    friend class Session;
    void giveBack(const Session& session);
    void replaceLast();
    void close(CK_SESSION_HANDLE handle);
    struct Idle {
        CK_SESSION_HANDLE handle;
        std::optional<MessageSigning> begun;
    };
    /// An idle session, or leave to open one, or neither.
    struct Chosen {
        std::optional<Idle> idle;
        bool mayOpen = false;
    };
    Session take(const MessageSigning* wanted);
    Chosen choose(const MessageSigning* wanted);
    std::optional<Session> prepareIdle(const Idle& idle, const MessageSigning* wanted);
    std::optional<CK_SESSION_HANDLE> removeIdle();
    std::optional<Idle> takeIdle(const MessageSigning* wanted, bool any) REQUIRES(mutex_);
    bool endMessages(Session& session);
    CK_RV open(CK_SESSION_HANDLE& handle, CK_FLAGS flags = 0);
    bool mayKeepAnother() const REQUIRES(mutex_);
    CK_RV openCounted(CK_SESSION_HANDLE& handle, CK_FLAGS flags = 0);
    bool mayOpenWritable();
    std::size_t sessionsOfToken() const;
    bool saysFull(CK_RV rv) const;
    void requireFull(CK_RV refusal) const;
    void noteFull();
    bool isLimited() const;
    std::size_t countElsewhere() const;
    bool mayOpen(std::size_t elsewhere) const REQUIRES(mutex_);
    void waitForSession();

    SharedTokenState& shared_;
    TokenSlot slot_;
    TokenFlags flags_;
    MechanismList mechanisms_;
    CopyGate copyGate_;
    std::size_t maxIdle_;
    std::atomic<bool> readWrite_; ///< all of its sessions are
    unsigned long forkCount_;
    std::atomic<bool> lost_{false};
    std::atomic<bool> loggedIn_{false};
    mutable Mutex mutex_;           ///< never held during a C_ call
    std::condition_variable freed_; ///< a session was given back, or may be opened
    std::vector<Idle> idle_ GUARDED_BY(mutex_);
    std::size_t open_ GUARDED_BY(mutex_) = 0;
    std::size_t opening_ GUARDED_BY(mutex_) = 0; ///< C_OpenSession has not returned yet
    bool full_ GUARDED_BY(mutex_) = false;       ///< the token had no more sessions
    std::weak_ptr<CopySession> copySession_ GUARDED_BY(mutex_);
};

} // namespace p11::pkcs11
