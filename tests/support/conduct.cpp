// SPDX-License-Identifier: Apache-2.0
#include "tests/support/conduct.h"

#include <array>
#include <atomic>
#include <cstdio>

#include "tests/support/immortal.h"

namespace test_module {
namespace {

// No lock, because tests count the provider's locks.
struct State {
    std::atomic<unsigned long> calls{0}; // threads in any function
    std::atomic<unsigned long> turns{0}; // threads in C_Initialize or C_Finalize
    std::atomic<unsigned long> breaches{0};
    std::atomic<bool> oneThread{false};
    // Sessions in use, each at its number's remainder. One whose place another has is not watched.
    std::array<std::atomic<CK_ULONG>, 4096> inUse{};
};

State& state() {
    static Immortal<State> immortal;
    return immortal.value;
}

std::atomic<CK_ULONG>& placeOf(CK_ULONG session) {
    auto& places = state().inUse;
    return places[session % places.size()];
}

// These may be called at any time.
bool givesLists(FunctionId id) {
    return id == idOf<&FunctionList::C_GetFunctionList>() ||
           id == idOf<&FunctionList::C_GetInterfaceList>() ||
           id == idOf<&FunctionList::C_GetInterface>();
}

bool isTurn(FunctionId id) {
    return id == idOf<&FunctionList::C_Initialize>() || id == idOf<&FunctionList::C_Finalize>();
}

bool takesSession(FunctionId id) {
    return functionKinds[id] == Kind::session || functionKinds[id] == Kind::crypto;
}

void report(FunctionId id, const char* what) {
    ++state().breaches;
    std::fprintf(stderr, "pkcs11-test-module: %s %s\n", functionNames[id], what);
}

} // namespace

Conduct::Conduct(FunctionId id, CK_ULONG handle) : id_(id) {
    if (givesLists(id_))
        return;
    auto& self = state();
    ++self.calls;
    if (isTurn(id_)) {
        ++self.turns;
        if (self.calls.load() > 1)
            report(id_, "is called while another call runs");
    } else if (self.turns.load() > 0) {
        report(id_, "is called while C_Initialize or C_Finalize runs");
    } else if (self.oneThread.load() && self.calls.load() > 1) {
        report(id_, "is called while another call runs, and the module was not told to lock");
    }
    if (!takesSession(id_) || handle == 0)
        return;
    CK_ULONG other = 0;
    if (placeOf(handle).compare_exchange_strong(other, handle)) {
        session_ = handle;
    } else if (other == handle) {
        report(id_, "is called in a session that another thread uses");
        refused_ = true;
    }
}

Conduct::~Conduct() {
    if (givesLists(id_))
        return;
    auto& self = state();
    if (session_ != 0)
        placeOf(session_) = 0;
    if (isTurn(id_))
        --self.turns;
    --self.calls;
}

std::optional<CK_RV> Conduct::refusal() const {
    return refused_ ? std::optional<CK_RV>(CKR_FUNCTION_REJECTED) : std::nullopt;
}

void setOneThread(bool oneThread) {
    state().oneThread = oneThread;
}

unsigned long breaches() {
    return state().breaches;
}

void startConductOfChild() {
    auto& self = state();
    self.calls = 0;
    self.turns = 0;
    for (auto& session : self.inUse)
        session = 0;
}

} // namespace test_module
