// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/session_pool.h"

#include <algorithm>
#include <chrono>

#include "pkcs11/cryptoki.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/process.h"

namespace p11::pkcs11 {
namespace {

// How often a waiting thread asks the token itself, because another process may have closed
// sessions.
constexpr auto sessionRetry = std::chrono::seconds(1);

bool pointsElsewhere(const CK_MECHANISM& mechanism) {
    if (mechanism.ulParameterLen == 0)
        return false;
    return mechanism.mechanism == CKM_ML_DSA ||
           (mechanism.mechanism == CKM_EDDSA &&
            static_cast<const EddsaParams*>(mechanism.pParameter)->contextDataSize != 0);
}

} // namespace

std::optional<MessageSigning> MessageSigning::of(const CK_MECHANISM& mechanism) {
    MessageSigning signing;
    signing.type = mechanism.mechanism;
    signing.parameterSize = mechanism.ulParameterLen;
    if (pointsElsewhere(mechanism) || signing.parameterSize > signing.parameter.size())
        return std::nullopt;
    std::copy_n(static_cast<const unsigned char*>(mechanism.pParameter), signing.parameterSize,
                signing.parameter.begin());
    return signing;
}

Session::~Session() {
    if (pool_)
        pool_->giveBack(*this);
}

Module& Session::module() const {
    return pool_->module();
}

InitializationId Session::initializationId() const {
    return pool_->initializationId();
}

void Session::fail(const char* function, CK_RV rv) {
    if (!isHandleLoss(rv))
        discard(rv);
    throw callFailed(function, rv, pool_->describe());
}

bool Session::lacksFirstLogin(CK_RV rv) const {
    return rv == CKR_USER_NOT_LOGGED_IN && !pool_->loggedIn();
}

bool Session::isLoggedIn() {
    CK_SESSION_INFO info{};
    const CK_RV rv = call<&List::C_GetSessionInfo>(&info);
    if (invalidatesSessions(rv))
        fail(functionName<&List::C_GetSessionInfo>, rv);
    return rv != CKR_OK ||
           (info.state != CKS_RO_PUBLIC_SESSION && info.state != CKS_RW_PUBLIC_SESSION);
}

SessionPool::SessionPool(SharedTokenState& shared, InitializationId initializationId,
                         CK_SLOT_ID slot, CK_FLAGS flags)
    : shared_(shared), slot_{shared.module(), initializationId, slot, shared.describe()},
      flags_(slot_, flags), mechanisms_(slot_),
      // one at least: the login lasts as long as a session does (PKCS#11 2.40, section 2.6.5)
      maxIdle_(std::max<std::size_t>(shared.module().options().maxIdleSessions, 1)),
      readWrite_(shared.needsReadWrite()), forkCount_(process::forkCount()) {}

void SharedTokenState::add(const std::shared_ptr<SessionPool>& pool) {
    const MutexLock lock(process::stateMutex());
    std::erase_if(pools_, [](const auto& one) { return one.expired(); });
    pools_.push_back(pool);
}

std::size_t SharedTokenState::sessionsElsewhere(const SessionPool& pool) const {
    std::vector<std::shared_ptr<SessionPool>> others;
    {
        const MutexLock lock(process::stateMutex());
        for (const auto& one : pools_)
            if (auto other = one.lock(); other && other.get() != &pool)
                others.push_back(std::move(other));
    }
    std::size_t sum = 0;
    for (const auto& other : others)
        if (!other->isFromParentProcess() &&
            other->initializationId() == module_.initializationId())
            sum += other->countedSessions();
    return sum;
}

std::size_t SessionPool::sessionsOfToken() const {
    return openSessions() + shared_.sessionsElsewhere(*this);
}

bool SessionPool::isFromParentProcess() const {
    return forkCount_ != process::forkCount();
}

bool SessionPool::valid() const {
    return !lost_.load() && initializationId() == module().initializationId();
}

// A session in which `wanted` is active, or else one in which nothing is active. With `any`, the
// last resort is a session in which something else is active.
std::optional<SessionPool::Idle> SessionPool::takeIdle(const MessageSigning* wanted, bool any) {
    const auto last = [this](auto fits) REQUIRES(mutex_) {
        return std::find_if(idle_.rbegin(), idle_.rend(), fits);
    };
    auto found = wanted != nullptr
                     ? last([wanted](const Idle& idle) { return idle.begun == *wanted; })
                     : idle_.rend();
    if (found == idle_.rend())
        found = last([](const Idle& idle) { return !idle.begun; });
    if (found == idle_.rend() && any)
        found = idle_.rbegin();
    if (found == idle_.rend())
        return std::nullopt;
    const Idle taken = *found;
    idle_.erase(std::next(found).base());
    return taken;
}

CK_RV SessionPool::open(CK_SESSION_HANDLE& handle, CK_FLAGS flags) {
    const auto call = [&](CK_FLAGS kind) {
        return slot_.call<&List::C_OpenSession>(CK_FLAGS{CKF_SERIAL_SESSION | kind},
                                                CK_VOID_PTR{nullptr}, CK_NOTIFY{nullptr}, &handle);
    };
    CK_RV rv = call(readWrite_ ? CKF_RW_SESSION : flags);
    // Some modules have no read-only sessions, and say so with an answer that may mean anything.
    const bool refused =
        rv == CKR_SESSION_READ_ONLY || (rv == CKR_FUNCTION_FAILED && sessionsOfToken() == 0);
    if (refused && !readWrite_ && flags == 0 && call(CKF_RW_SESSION) == CKR_OK) {
        shared_.noteReadWrite();
        readWrite_ = true;
        rv = CKR_OK;
    }
    const MutexLock lock(mutex_);
    open_ += rv == CKR_OK ? 1 : 0;
    return rv;
}

// Some modules answer something else than CKR_SESSION_COUNT. If we have open sessions, the token is
// present, so the answer can only mean that it has no more sessions.
bool SessionPool::saysFull(CK_RV rv) const {
    const bool otherName =
        rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_MEMORY || rv == CKR_ARGUMENTS_BAD;
    return rv == CKR_SESSION_COUNT || (otherName && sessionsOfToken() > 0);
}

bool SessionPool::isLimited() const {
    return module().options().maxSessions != 0;
}

// Dropped session pools may still have sessions in use. These count against the limit.
std::size_t SessionPool::countElsewhere() const {
    return isLimited() ? shared_.sessionsElsewhere(*this) : 0;
}

// Sessions that are being opened count as well.
bool SessionPool::mayOpen(std::size_t elsewhere) const {
    const auto most = module().options().maxSessions;
    return !full_ && (most == 0 || open_ + opening_ + elsewhere < most);
}

// As open(), for which the caller has counted one in opening_.
CK_RV SessionPool::openCounted(CK_SESSION_HANDLE& handle, CK_FLAGS flags) {
    const CK_RV rv = open(handle, flags);
    const MutexLock lock(mutex_);
    --opening_;
    return rv;
}

Session SessionPool::take() {
    return take(nullptr);
}

Session SessionPool::take(const MessageSigning& wanted) {
    return take(&wanted);
}

SessionPool::Chosen SessionPool::choose(const MessageSigning* wanted) {
    const auto elsewhere = countElsewhere();
    const MutexLock lock(mutex_);
    const bool may = mayOpen(elsewhere);
    Chosen chosen{takeIdle(wanted, !may)};
    chosen.mayOpen = !chosen.idle && may;
    opening_ += chosen.mayOpen ? 1 : 0;
    return chosen;
}

// Returns nothing if another message signing is active in the session and cannot be ended.
std::optional<Session> SessionPool::prepareIdle(const Idle& idle, const MessageSigning* wanted) {
    Session session(shared_from_this(), idle.handle, idle.begun);
    const bool fits = !idle.begun || (wanted != nullptr && *idle.begun == *wanted);
    if (fits || endMessages(session))
        return session;
    session.discard();
    return std::nullopt;
}

Session SessionPool::take(const MessageSigning* wanted) {
    const auto deadline = std::chrono::steady_clock::now() + sessionWait;
    CK_RV refusal = CKR_SESSION_COUNT; // of our own limit, until the token itself refuses
    for (;;) {
        const auto chosen = choose(wanted);
        if (chosen.idle) {
            if (auto session = prepareIdle(*chosen.idle, wanted))
                return std::move(*session);
            continue;
        }
        if (chosen.mayOpen) {
            CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
            refusal = openCounted(handle);
            if (refusal == CKR_OK)
                return {shared_from_this(), handle};
            requireFull(refusal);
            noteFull();
        }
        waitForSession();
        if (!valid()) // its sessions are not those that are counted any more
            requireFull(CKR_SESSION_HANDLE_INVALID);
        if (std::chrono::steady_clock::now() > deadline)
            throw callFailed(functionName<&List::C_OpenSession>, refusal, describe());
    }
}

// Throws if waiting does not help.
void SessionPool::requireFull(CK_RV refusal) const {
    if (!saysFull(refusal))
        throw callFailed(functionName<&List::C_OpenSession>, refusal, describe());
}

void SessionPool::noteFull() {
    const MutexLock lock(mutex_);
    full_ = true;
}

void SessionPool::waitForSession() {
    const auto elsewhere = countElsewhere();
    MutexLock lock(mutex_);
    const auto mayGoOn = [&]() REQUIRES(mutex_) {
        return !idle_.empty() || mayOpen(elsewhere) || !valid();
    };
    if (!lock.waitFor(freed_, sessionRetry, mayGoOn))
        full_ = false; // another process may have given sessions back: the token is asked again
}

bool SessionPool::mayOpenWritable() {
    const auto elsewhere = countElsewhere();
    const MutexLock lock(mutex_);
    const bool may = !isLimited() || mayOpen(elsewhere);
    opening_ += may ? 1 : 0;
    return may;
}

Session SessionPool::takeWritable() {
    if (flags_.stillHas(CKF_WRITE_PROTECTED))
        throw Error(Failure::unsupported, describe() + " is write-protected (CKF_WRITE_PROTECTED)",
                    CKR_TOKEN_WRITE_PROTECTED);
    const auto deadline = std::chrono::steady_clock::now() + sessionWait;
    for (;;) {
        CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
        const CK_RV rv =
            mayOpenWritable() ? openCounted(handle, CKF_RW_SESSION) : CKR_SESSION_COUNT;
        if (rv == CKR_OK) {
            Session session(shared_from_this(), handle);
            session.discard();
            return session;
        }
        if (!saysFull(rv) || std::chrono::steady_clock::now() > deadline)
            throw callFailed(functionName<&List::C_OpenSession>, rv,
                             "read/write session with " + describe());
        makeRoom();
    }
}

std::optional<CK_SESSION_HANDLE> SessionPool::removeIdle() {
    MutexLock lock(mutex_);
    if (idle_.empty())
        lock.waitFor(freed_, sessionRetry, [this]() REQUIRES(mutex_) { return !idle_.empty(); });
    full_ = false; // the token is asked again
    if (idle_.empty())
        return std::nullopt;
    const auto handle = idle_.back().handle;
    idle_.pop_back();
    if (--open_ == 0)
        loggedIn_ = false; // which ends with the last session
    return handle;
}

void SessionPool::makeRoom() {
    if (const auto handle = removeIdle())
        close(*handle);
}

std::optional<Session> SessionPool::takeSpare() {
    if (maxIdle_ < 2) // no session would stay open for the operations
        return std::nullopt;
    const auto chosen = choose(nullptr);
    if (chosen.idle)
        return prepareIdle(*chosen.idle, nullptr);
    if (!chosen.mayOpen)
        return std::nullopt;
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    if (openCounted(handle) != CKR_OK)
        return std::nullopt;
    return Session(shared_from_this(), handle);
}

std::shared_ptr<CopySession> SessionPool::copySession() const {
    const MutexLock lock(mutex_);
    return copySession_.lock();
}

void SessionPool::setCopySession(const std::shared_ptr<CopySession>& session) {
    const MutexLock lock(mutex_);
    copySession_ = session;
}

bool SessionPool::endMessages(Session& session) {
    session.setBegun(std::nullopt);
    return session.call<&List30::C_MessageSignFinal>() == CKR_OK;
}

// The session of the copies is one of those that stay open.
bool SessionPool::mayKeepAnother() const {
    return idle_.size() + (copySession_.expired() ? 0 : 1) < maxIdle_;
}

void SessionPool::giveBack(const Session& session) {
    if (isFromParentProcess())
        return;
    bool kept = false;
    {
        const MutexLock lock(mutex_);
        kept = session.disposal_ == Session::Disposal::keep && valid() && mayKeepAnother();
        if (kept)
            idle_.push_back({session.handle_, session.begun_});
        else
            --open_;
    }
    if (!kept) {
        if (session.disposal_ != Session::Disposal::forget) {
            replaceLast();
            close(session.handle_);
        }
        const MutexLock lock(mutex_);
        full_ = false;
    }
    freed_.notify_one();
}

// The login ends with the last session (PKCS#11 2.40, section 2.6.5). So another session is opened
// before the last one is closed.
void SessionPool::replaceLast() {
    {
        const MutexLock lock(mutex_);
        if (open_ > 0 || !loggedIn_ || !valid())
            return;
    }
    CK_SESSION_HANDLE fresh = CK_INVALID_HANDLE;
    if (open(fresh) == CKR_OK) {
        const MutexLock lock(mutex_);
        idle_.push_back({fresh, std::nullopt});
    } else {
        loggedIn_ = false;
    }
}

// After C_Finalize or a fork, the same handle may belong to somebody else. callIn() checks that.
void SessionPool::close(CK_SESSION_HANDLE handle) {
    module().callIn<&List::C_CloseSession>(initializationId(), handle);
}

void SessionPool::invalidate() {
    lost_ = true;
    if (isFromParentProcess())
        return;
    std::vector<Idle> idle;
    {
        const MutexLock lock(mutex_);
        idle.swap(idle_);
        open_ -= idle.size();
        full_ = false;
    }
    for (const auto& session : idle)
        close(session.handle);
    freed_.notify_all();
}

std::size_t SessionPool::openSessions() const {
    const MutexLock lock(mutex_);
    return open_;
}

std::size_t SessionPool::countedSessions() const {
    const MutexLock lock(mutex_);
    return open_ + opening_;
}

// Searches from now on may run without the login, so nobody may trust their results.
void SessionPool::logOut() {
    lost_ = true;
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    {
        const MutexLock lock(mutex_);
        if (!idle_.empty()) {
            handle = idle_.back().handle;
            idle_.pop_back();
        }
    }
    if (handle == CK_INVALID_HANDLE && open(handle) != CKR_OK)
        return; // all are in use, and the login ends with the last of them
    Session session(shared_from_this(), handle);
    session.discard();
    session.call<&List::C_Logout>();
    loggedIn_ = false;
}

} // namespace p11::pkcs11
