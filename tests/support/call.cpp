// SPDX-License-Identifier: Apache-2.0
// What every call has in common, whatever its function.
#include <chrono>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <thread>

#include "tests/support/forward.h"
#include "tests/support/hooks.h"
#include "tests/support/immortal.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

void delay(FunctionId id) {
    auto time = config().delay;
    if (functionKinds[id] == Kind::crypto)
        time += config().cryptoDelay;
    if (id == idOf<&FunctionList::C_Login>())
        time += config().loginDelay;
    if (time.count() != 0)
        std::this_thread::sleep_for(time);
}

bool takesSession(FunctionId id) {
    return functionKinds[id] == Kind::session || functionKinds[id] == Kind::crypto;
}

// The slots that a call concerns; all slots in use if the call names none.
std::vector<CK_SLOT_ID> slotsFor(FunctionId id, CK_ULONG handle) {
    if (functionKinds[id] == Kind::slot)
        return {handle};
    const auto slot = takesSession(id) ? slotOf(handle) : std::nullopt;
    return slot ? std::vector{*slot} : slotsInUse();
}

// SoftHSM crashes if sessions are closed while other threads are in calls, as the loss of a device
// closes them. So calls share this lock, and a loss takes it alone. Never destroyed.
std::shared_mutex& useOfSessions() {
    static Immortal<std::shared_mutex> immortal;
    return immortal.value;
}

unsigned usesGeneration = 0; // increases in the child of a fork

void closeSessions(FunctionId id, CK_ULONG handle) {
    const std::unique_lock alone(useOfSessions());
    for (const auto slot : slotsFor(id, handle))
        if (real().C_CloseAllSessions(slot) == CKR_OK)
            removeSessionsOf(slot);
}

void takeEffect(FaultEffect effect, FunctionId id, CK_ULONG handle) {
    switch (effect) {
    case FaultEffect::close:
        return closeSessions(id, handle);
    case FaultEffect::end:
        if (takesSession(id))
            endOperation(id, handle);
        return;
    case FaultEffect::logout:
        if (takesSession(id) && real().C_Logout(handle) == CKR_OK)
            forgetPin(handle);
        return;
    case FaultEffect::count:
        noteWrongPin(true);
        return;
    case FaultEffect::none:
        return;
    }
}

} // namespace

std::optional<CK_RV> beforeCall(FunctionId id, CK_ULONG handle) {
    countCall(id);
    runHook(id);
    passGate(id);
    if (id == idOf<&FunctionList::C_Initialize>())
        if (const CK_RV rv = reloadConfig(); rv != CKR_OK)
            return rv;
    delay(id);
    const auto& current = config();
    if (current.faults->empty())
        return std::nullopt;
    const auto fault = current.faults->next(id);
    if (fault)
        takeEffect(current.faultEffect, id, handle);
    return fault == CKR_OK ? std::nullopt : fault;
}

// Not only if faults close sessions at present: the setting may change before the call ends.
UseOfSessions::UseOfSessions() : generation_(usesGeneration) {
    useOfSessions().lock_shared();
}

UseOfSessions::~UseOfSessions() {
    if (generation_ == usesGeneration)
        useOfSessions().unlock_shared();
}

void startUsesOfChild() {
    ++usesGeneration;
    new (&useOfSessions()) std::shared_mutex;
}

void afterCall(FunctionId id, CK_RV rv) {
    logCall(id, rv);
    if (id == idOf<&FunctionList::C_Login>())
        countLogin(rv);
    if (id == idOf<&FunctionList::C_Finalize>())
        writeCounts();
}

} // namespace test_module
