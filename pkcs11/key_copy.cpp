// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/key_copy.h"

#include <utility>

#include "pkcs11/recovery.h"
#include "pkcs11/token.h"
#include "pkcs11/trace.h"

namespace p11::pkcs11 {
namespace {

// For one thread at a time, so that a pool has one. Null if the token has no session beside that of
// the caller.
std::shared_ptr<CopySession> copySessionOf(SessionPool& pool) {
    if (auto known = pool.copySession(); known && known->usable())
        return known;
    auto session = pool.takeSpare();
    if (!session)
        return nullptr;
    auto fresh = std::make_shared<CopySession>(std::move(*session));
    pool.setCopySession(fresh);
    return fresh;
}

} // namespace

bool CopySession::enter() {
    const MutexLock lock(mutex_);
    return !std::exchange(entered_, true);
}

// The thread leaves in the same step in which it sees that nothing is left to do.
CK_OBJECT_HANDLE CopySession::nextToDestroy() {
    const MutexLock lock(mutex_);
    entered_ = !toDestroy_.empty();
    if (!entered_)
        return CK_INVALID_HANDLE;
    const auto next = toDestroy_.back();
    toDestroy_.pop_back();
    return next;
}

void CopySession::leave() {
    for (auto next = nextToDestroy(); next != CK_INVALID_HANDLE; next = nextToDestroy()) {
        const CK_RV rv = session_.call<&List::C_DestroyObject>(next);
        if (rv == CKR_OK)
            continue;
        session_.discard(rv); // the copy ends with the session, which is not given to others
        usable_ = false;
    }
}

CK_RV CopySession::copy(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE& copy) {
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE onlyInSession{CKA_TOKEN, &no, sizeof no};
    const CK_RV rv = session_.call<&List::C_CopyObject>(key, &onlyInSession, CK_ULONG{1}, &copy);
    if (invalidatesSessions(rv)) {
        session_.discard(rv);
        usable_ = false;
    }
    return rv;
}

// In a forked child nothing of it exists, and its lock may be locked for ever. After a loss the
// session is closed with its last copy.
void CopySession::destroy(CK_OBJECT_HANDLE copy) {
    const auto& pool = session_.sessionPool();
    if (pool.isFromParentProcess() || !pool.valid())
        return;
    {
        const MutexLock lock(mutex_);
        toDestroy_.push_back(copy);
        if (std::exchange(entered_, true))
            return;
    }
    leave();
}

bool KeyCopy::isCurrent() const {
    return deletions_ == session_->token().deletions();
}

CopyAttempt copyKey(SessionPool& pool, CK_OBJECT_HANDLE key, const std::string& subject) {
    const CopyGate::Copy scope(pool.copyGate());
    if (!scope.mayBegin())
        return {nullptr, true};
    const auto session = copySessionOf(pool);
    if (!session)
        return {};
    CopySession::Work work(*session);
    if (!work.mayBegin())
        return {nullptr, true};
    trace::step("copy the " + subject + " into a session");
    const auto deletions = pool.token().deletions();
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    const CK_RV rv = work.copy(key, copy);
    if (rv == CKR_OK)
        return {std::make_shared<const KeyCopy>(session, copy, deletions)};
    // The operation itself finds out what is lost. CKR_ACTION_PROHIBITED is about this key.
    const auto error = callFailed(functionName<&List::C_CopyObject>, rv, subject);
    trace::step(error.what());
    if (remedyFor(error) == Remedy::none && rv != CKR_ACTION_PROHIBITED)
        pool.token().noteNoCopies();
    return {};
}

} // namespace p11::pkcs11
