// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hooks.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace test_module {
namespace {

constinit std::array<std::atomic<void (*)()>, functionCount> hooks{};

// One in the process, which is never destroyed: threads may wait when it ends.
struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    unsigned together = 0;
    unsigned waiting = 0;
    unsigned long openings = 0;

    void open() {
        ++openings;
        waiting = 0;
        changed.notify_all();
    }
};

auto& gate = *new Gate;
std::atomic<int> gated{-1};

constexpr auto patience = std::chrono::seconds(30);

} // namespace

void setGate(FunctionId id, unsigned together) {
    const std::lock_guard lock(gate.mutex);
    gated = together > 0 ? static_cast<int>(id) : -1;
    gate.together = together;
    gate.open();
}

unsigned waitingAtGate() {
    const std::lock_guard lock(gate.mutex);
    return gate.waiting;
}

void passGate(FunctionId id) {
    if (gated.load() != static_cast<int>(id))
        return;
    std::unique_lock lock(gate.mutex);
    if (gate.together == 0)
        return;
    const auto opening = gate.openings;
    if (++gate.waiting >= gate.together)
        return gate.open();
    gate.changed.wait_for(lock, patience, [&] { return gate.openings != opening; });
}

void setHook(FunctionId id, void (*hook)()) {
    hooks[id] = hook;
}

void runHook(FunctionId id) {
    if (hooks[id].load() == nullptr)
        return;
    if (auto* hook = hooks[id].exchange(nullptr))
        hook();
}

} // namespace test_module
