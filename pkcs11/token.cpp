// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/token.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "pkcs11/process.h"
#include "pkcs11/text.h"

namespace p11::pkcs11 {
namespace {

template <std::size_t N>
bool equal(const CK_UTF8CHAR (&a)[N], const CK_UTF8CHAR (&b)[N]) {
    return std::memcmp(a, b, N) == 0;
}

std::string descriptionOf(const Module& module, const CK_TOKEN_INFO& info) {
    return "token \"" + trimmed(info.label) + "\" (serial " + trimmed(info.serialNumber) +
           ", module " + module.name() + ")";
}

} // namespace

bool sameIdentity(const CK_TOKEN_INFO& a, const CK_TOKEN_INFO& b) {
    return equal(a.label, b.label) && equal(a.manufacturerID, b.manufacturerID) &&
           equal(a.model, b.model) &&
           std::memcmp(a.serialNumber, b.serialNumber, sizeof a.serialNumber) == 0;
}

Token::Token(Module& module, CK_SLOT_ID slot, const CK_TOKEN_INFO& info)
    : shared_(*this, module, descriptionOf(module, info), [this] { logOut(); }), slot_(slot),
      info_(info) {}

bool Token::isAt(CK_SLOT_ID slot, const CK_TOKEN_INFO& info) const {
    return slot == slot_ && sameIdentity(info, info_);
}

std::shared_ptr<SessionPool> Token::sessionPool() {
    {
        const MutexLock lock(process::stateMutex());
        if (pool_ && pool_->valid())
            return pool_;
    }
    return keep(connect(module().initialize()));
}

void Token::noteSeen(InitializationId initializationId, CK_SLOT_ID slot,
                     const CK_TOKEN_INFO& info) {
    keep(std::make_shared<SessionPool>(shared_, initializationId, slot, info.flags))
        ->flags()
        .set(info.flags);
}

// The first of two threads wins, and a valid session pool stays.
std::shared_ptr<SessionPool> Token::keep(std::shared_ptr<SessionPool> fresh) {
    {
        const MutexLock lock(process::stateMutex());
        if (pool_ && pool_->valid())
            return pool_;
        if (pool_ && pool_->isFromParentProcess())
            process::keepForever(pool_);
        pool_ = fresh;
    }
    shared_.add(fresh);
    return fresh;
}

// If the module is finalized meanwhile, the data belong to the next initialization, and the session
// pool is not valid in either.
std::shared_ptr<SessionPool> Token::connect(InitializationId initializationId) {
    const trace::Step step([this] { return "look for " + describe(); });
    CK_RV failure = CKR_OK;
    if (auto found = findIn(module().slots(describe()), initializationId, failure))
        return found;
    module().refreshSlots(describe()); // it may have come to another slot
    if (auto found = findIn(module().slots(describe()), initializationId, failure))
        return found;
    if (failure != CKR_OK)
        throw callFailed(functionName<&List::C_GetTokenInfo>, failure, describe());
    throw Error(Failure::notFound, describe() + " is not present", CKR_TOKEN_NOT_PRESENT);
}

// The previous slot comes first, because the token is nearly always still there.
std::shared_ptr<SessionPool> Token::findIn(std::vector<CK_SLOT_ID> slots,
                                           InitializationId initializationId, CK_RV& failure) {
    std::stable_partition(slots.begin(), slots.end(),
                          [this](CK_SLOT_ID id) { return id == slot_; });
    for (const CK_SLOT_ID slot : slots) {
        CK_TOKEN_INFO info{};
        const CK_RV rv = module().readTokenInfo(slot, info);
        if (rv == CKR_OK && sameIdentity(info, info_))
            return std::make_shared<SessionPool>(shared_, initializationId, slot, info.flags);
        failure = rv != CKR_OK ? rv : failure;
    }
    return nullptr;
}

std::shared_ptr<SessionPool> Token::present() const {
    const MutexLock lock(process::stateMutex());
    const bool good = pool_ && !pool_->isFromParentProcess() && pool_->valid();
    return good ? pool_ : nullptr;
}

bool Token::isOfSoftHsm() const {
    return trimmed(info_.manufacturerID) == "SoftHSM project";
}

// Where copies are known to be faster, and no session is scarce. On an HSM in a network they cost
// calls and its memory.
bool Token::mayHaveCopies() const {
    const auto& options = module().options();
    const bool isFaster = options.maxSessions == 0 && isOfSoftHsm();
    return options.keyCopies == KeyCopies::always ||
           (options.keyCopies == KeyCopies::automatic && isFaster);
}

bool Token::knowsMechanisms() const {
    const auto pool = present();
    return pool && pool->mechanisms().isKnown();
}

void Token::drop(const std::shared_ptr<SessionPool>& lost) {
    {
        const MutexLock lock(process::stateMutex());
        if (pool_ == lost)
            pool_.reset();
    }
    lost->invalidate();
}

void Token::logOut() noexcept {
    try {
        if (const auto pool = present()) {
            pool->logOut();
            drop(pool);
        }
    } catch (const std::exception& error) {
        trace::step(error.what());
    }
}

} // namespace p11::pkcs11
