// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/recovery.h"

#include <chrono>
#include <thread>
#include <utility>

#include "pkcs11/process.h"
#include "pkcs11/token_list.h"

namespace p11::pkcs11 {
namespace {

// A vendor's own answer (PKCS#11 2.40, section 2.1: CKR_VENDOR_DEFINED and above, in 32 bits).
bool isVendors(CK_RV rv) {
    return rv >= CKR_VENDOR_DEFINED && rv <= 0xFFFFFFFFUL;
}

// These codes say nothing about the cause. Some modules answer them when sessions are lost.
bool isVague(CK_RV rv) {
    switch (rv) {
    case CKR_FUNCTION_FAILED:
    case CKR_GENERAL_ERROR:
    case CKR_HOST_MEMORY:
    case CKR_DEVICE_MEMORY:
        return true;
    default:
        return isVendors(rv);
    }
}

// There is no way to the token at all, so a restart may help.
bool isFromConnecting(const Error& error) {
    return error.isOf(functionName<&List::C_GetSlotList>) ||
           error.isOf(functionName<&List::C_GetTokenInfo>) ||
           error.isOf(functionName<&List::C_OpenSession>) || error.rv() == CKR_TOKEN_NOT_PRESENT;
}

// SoftHSM cannot read a token while another process writes its files, which each login does. It
// answers CKR_GENERAL_ERROR then, and would do so again at once.
constexpr auto settlingTime = std::chrono::milliseconds(50);

// Which C_Login of SoftHSM alone is reported for (pkcs11/login.cpp).
bool isReadWhileWritten(const Error& error) {
    return error.isOf(functionName<&List::C_Login>) && error.rv() == CKR_USER_PIN_NOT_INITIALIZED;
}

bool maySettle(const Error& error) {
    return isFromConnecting(error) ||
           (error.isOf(functionName<&List::C_Login>) && isVague(error.rv())) ||
           isReadWhileWritten(error);
}

bool changesToken(const Error& error) {
    return error.isOf(functionName<&List::C_GenerateKey>) ||
           error.isOf(functionName<&List::C_GenerateKeyPair>) ||
           error.isOf(functionName<&List::C_CreateObject>) ||
           error.isOf(functionName<&List::C_DestroyObject>);
}

// A stranger's ciphertext may cause the answer, and is not given to the key twice.
bool takesCiphertext(const Error& error) {
    return error.isOf(functionName<&List::C_Decrypt>) ||
           (error.isOf(functionName<&List::C_UnwrapKey>) && !isHandleLoss(error.rv()));
}

// The session or the login was gone, so nothing can have begun.
bool isSessionLoss(CK_RV rv) {
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
           rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

// A function answers these before it does anything.
bool comesBeforeTheWork(CK_RV rv) {
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN ||
           rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

} // namespace

bool mayBlamePeer(const Error& error) {
    const bool takesPeersData = error.isOf(functionName<&List::C_DeriveKey>) ||
                                error.isOf(functionName<&List32::C_DecapsulateKey>);
    const CK_RV rv = error.rv();
    return takesPeersData &&
           (rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_MEMORY || rv == CKR_FUNCTION_FAILED ||
            rv == CKR_GENERAL_ERROR || isVendors(rv));
}

Remedy remedyFor(const Error& error) {
    const CK_RV rv = error.rv();
    if (changesToken(error) && !comesBeforeTheWork(rv))
        return Remedy::none;
    if ((takesCiphertext(error) && !isSessionLoss(rv)) || mayBlamePeer(error))
        return Remedy::none;
    if (isReadWhileWritten(error))
        return Remedy::restart;
    if (isOfLogin(error.failure()) || error.failure() == Failure::key)
        return Remedy::none;
    if (error.failure() == Failure::notFound) // an object is gone; a token may come back
        return rv == CKR_TOKEN_NOT_PRESENT ? Remedy::sessionPool : Remedy::none;
    if (isHandleLoss(rv))
        return Remedy::handle;
    if (rv == CKR_USER_NOT_LOGGED_IN)
        return Remedy::login;
    if (invalidatesSessions(rv))
        return Remedy::sessionPool;
    // CKR_OPERATION_NOT_INITIALIZED also comes if somebody's logout has ended what ...Init began.
    const bool isMixedUp = rv == CKR_OPERATION_ACTIVE || rv == CKR_OPERATION_NOT_INITIALIZED;
    return isMixedUp || isVague(rv) ? Remedy::session : Remedy::none;
}

void discardUnlessGood(Session& session, const Error& error) {
    if (remedyFor(error) != Remedy::none && !isHandleLoss(error.rv()) &&
        !session.lacksFirstLogin(error.rv()))
        session.discard(error.rv());
}

namespace {

// The limits of docs/recovery.md.
constexpr int mostOwnFailures = 4;
constexpr int mostFailures = 20;

// Some tokens log in or work only in read/write sessions. Nothing has begun.
bool canTurnReadWrite(const Error& error, const SessionPool* pool) {
    return error.rv() == CKR_SESSION_READ_ONLY && pool != nullptr && !pool->isReadWrite();
}

bool givesUpSessions(Remedy remedy) {
    return remedy == Remedy::sessionPool || remedy == Remedy::login || remedy == Remedy::restart;
}

// The remedy before the last attempt. The failed session is closed already. All sessions are
// doubted only if another one did not help.
Remedy strongest(Remedy remedy, const Error& error) {
    if (isFromConnecting(error))
        return Remedy::restart;
    return remedy == Remedy::session ? Remedy::sessionPool : remedy;
}

} // namespace

Recovery::Recovery(Module& module)
    : module_(module), initializationId_(module.initializationId()) {}

Recovery::Recovery(Token& token)
    : module_(token.module()), initializationId_(module_.initializationId()), token_(&token),
      successes_(token.successes()) {}

// True if others succeeded since the last failure. Then the token works, and another loss is new.
bool Recovery::othersSucceeded() {
    if (token_ == nullptr)
        return false;
    const auto before = std::exchange(successes_, token_->successes());
    return before != successes_;
}

// True if another thread noticed the loss first and dropped the session pool, or if operations of
// others succeeded since then. A missing key says nothing about either. If the module is not
// initialized, this operation itself found that it has ended.
bool Recovery::isCausedByOthers(const Error& error, const std::shared_ptr<SessionPool>& pool) {
    const bool known = pool && !pool->valid() && module_.initializationId() != 0;
    const bool served = othersSucceeded() && error.failure() != Failure::notFound;
    return known || served;
}

Remedy Recovery::choose(const Error& error, const std::shared_ptr<SessionPool>& pool) {
    if (canTurnReadWrite(error, pool.get()))
        return Remedy::readWrite;
    const auto remedy = remedyFor(error);
    if (remedy == Remedy::none || process::exiting())
        return Remedy::none;
    const bool isOwn = !isCausedByOthers(error, pool);
    ownFailures_ += isOwn ? 1 : 0;
    if (++failures_ == mostFailures || ownFailures_ == mostOwnFailures)
        return Remedy::none;
    const bool isLast = isOwn && ownFailures_ + 1 == mostOwnFailures;
    return isLast ? strongest(remedy, error) : remedy;
}

// A login at the PIN pad disturbs people, so an operation asks for one once at most. False if it
// would be the second.
bool Recovery::drop(const std::shared_ptr<SessionPool>& pool) {
    if (!pool)
        return true;
    if (token_->pins().askAtPad() && std::exchange(mayHaveAsked_, true))
        return false;
    token_->drop(pool);
    return true;
}

Remedy Recovery::prepare(const Error& error, const std::shared_ptr<SessionPool>& pool) {
    const auto remedy = choose(error, pool);
    if (remedy == Remedy::none)
        return remedy;
    trace::step(std::string("try again after: ") + error.what());
    if (remedy == Remedy::readWrite) { // nobody was asked for a PIN yet
        token_->noteReadWrite();
        token_->drop(pool);
        return remedy;
    }
    if (givesUpSessions(remedy) && !drop(pool))
        return Remedy::none;
    if (maySettle(error))
        std::this_thread::sleep_for(settlingTime);
    if (remedy == Remedy::restart)
        restartUnlessUsed(module_, initializationId_);
    initializationId_ = module_.initializationId();
    return remedy;
}

} // namespace p11::pkcs11
