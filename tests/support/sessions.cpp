// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sessions.h"

#include <map>
#include <mutex>

#include "tests/support/immortal.h"

namespace test_module {
namespace {

struct Session {
    CK_SLOT_ID slot = 0;
    Authentication authentication = Authentication::noOperation;
    CK_MECHANISM_TYPE mechanism = CK_UNAVAILABLE_INFORMATION;
};

struct Sessions {
    std::mutex mutex; // guards what follows
    std::map<CK_SESSION_HANDLE, Session> open;
    std::map<CK_SLOT_ID, CK_ULONG> taken; // open, or about to be
    std::map<CK_SLOT_ID, PinCopy> pins;
    bool wrongPin = false;

    // A slot loses its login with its last session.
    void forget(CK_SLOT_ID slot) {
        const auto found = taken.find(slot);
        if (found != taken.end() && --found->second == 0) {
            taken.erase(found);
            pins.erase(slot);
        }
    }
};

Sessions& sessions() {
    static Immortal<Sessions> immortal;
    return immortal.value;
}

// Runs with the lock held.
template <typename Body>
auto locked(Body body) {
    auto& self = sessions();
    const std::lock_guard lock(self.mutex);
    return body(self);
}

} // namespace

bool reserveSession(CK_SLOT_ID slot, std::optional<CK_ULONG> most) {
    return locked([&](Sessions& self) {
        const auto found = self.taken.find(slot);
        const CK_ULONG now = found != self.taken.end() ? found->second : 0;
        if (most && now >= *most)
            return false;
        self.taken[slot] = now + 1;
        return true;
    });
}

void addSession(CK_SLOT_ID slot, CK_SESSION_HANDLE session) {
    locked([&](Sessions& self) { self.open[session] = Session{slot}; });
}

void giveUpSession(CK_SLOT_ID slot) {
    locked([&](Sessions& self) { self.forget(slot); });
}

void removeSession(CK_SESSION_HANDLE session) {
    locked([&](Sessions& self) {
        if (const auto found = self.open.find(session); found != self.open.end()) {
            self.forget(found->second.slot);
            self.open.erase(found);
        }
    });
}

void removeSessionsOf(CK_SLOT_ID slot) {
    locked([&](Sessions& self) {
        const auto closed =
            std::erase_if(self.open, [&](const auto& entry) { return entry.second.slot == slot; });
        for (std::size_t i = 0; i < closed; ++i)
            self.forget(slot);
    });
}

void removeAllSessions() {
    locked([](Sessions& self) {
        self.open = {};
        self.taken = {};
        self.pins = {};
    });
}

unsigned long openSessions() {
    return locked([](Sessions& self) -> unsigned long { return self.open.size(); });
}

std::optional<CK_SLOT_ID> slotOf(CK_SESSION_HANDLE session) {
    return locked([&](Sessions& self) -> std::optional<CK_SLOT_ID> {
        const auto found = self.open.find(session);
        return found != self.open.end() ? std::optional(found->second.slot) : std::nullopt;
    });
}

std::vector<CK_SLOT_ID> slotsInUse() {
    return locked([](Sessions& self) {
        std::vector<CK_SLOT_ID> slots;
        for (const auto& [slot, count] : self.taken)
            slots.push_back(slot);
        return slots;
    });
}

void rememberPin(CK_SESSION_HANDLE session, PinCopy pin) {
    if (const auto slot = slotOf(session))
        locked([&](Sessions& self) { self.pins[*slot] = std::move(pin); });
}

void forgetPin(CK_SESSION_HANDLE session) {
    if (const auto slot = slotOf(session))
        locked([&](Sessions& self) { self.pins.erase(*slot); });
}

std::optional<PinCopy> pinOf(CK_SESSION_HANDLE session) {
    const auto slot = slotOf(session);
    return locked([&](Sessions& self) -> std::optional<PinCopy> {
        const auto found = slot ? self.pins.find(*slot) : self.pins.end();
        return found != self.pins.end() ? std::optional(found->second) : std::nullopt;
    });
}

void noteWrongPin(bool wasEntered) {
    locked([=](Sessions& self) { self.wrongPin = wasEntered; });
}

bool wrongPinWasEntered() {
    return locked([](Sessions& self) { return self.wrongPin; });
}

void setAuthentication(CK_SESSION_HANDLE session, Authentication state) {
    locked([&](Sessions& self) {
        if (const auto found = self.open.find(session); found != self.open.end())
            found->second.authentication = state;
    });
}

Authentication authenticationOf(CK_SESSION_HANDLE session) {
    return locked([&](Sessions& self) {
        const auto found = self.open.find(session);
        return found != self.open.end() ? found->second.authentication
                                        : Authentication::noOperation;
    });
}

void setMechanism(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type) {
    locked([&](Sessions& self) {
        if (const auto found = self.open.find(session); found != self.open.end())
            found->second.mechanism = type;
    });
}

CK_MECHANISM_TYPE mechanismOf(CK_SESSION_HANDLE session) {
    return locked([&](Sessions& self) {
        const auto found = self.open.find(session);
        return found != self.open.end() ? found->second.mechanism : CK_UNAVAILABLE_INFORMATION;
    });
}

void lockSessions() {
    sessions().mutex.lock();
}
void unlockSessions() {
    sessions().mutex.unlock();
}

} // namespace test_module
