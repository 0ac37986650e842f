// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/process.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <pthread.h>

namespace p11::pkcs11::process {
namespace {

std::atomic<unsigned long> currentForkCount{1};
std::atomic<bool> isExiting{false};
std::atomic<void (*)()> exitFinalizer{nullptr};
std::atomic<void (*)()> startInChild{nullptr};

// Never destroyed, because exit handlers use them after static destructors. They are not local to a
// function: if a thread was initialising them during a fork, the child would wait for ever.
auto& mutexOfState = *new Mutex;
auto& kept GUARDED_BY(stateMutex()) = *new std::vector<std::shared_ptr<void>>;

std::atomic<int> inFlight{0};
// Several threads may fork at once. The first to finish must not admit calls while others fork.
std::atomic<int> forking{0};
thread_local int depth = 0;

constexpr auto forkPatience = std::chrono::seconds(1);
constexpr auto pause = std::chrono::microseconds(50);

// A module may fork inside a call. That call is not waited for.
void beforeFork() ACQUIRE(stateMutex()) {
    forking.fetch_add(1);
    const auto deadline = std::chrono::steady_clock::now() + forkPatience;
    while (inFlight.load() > depth && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(pause);
    stateMutex().lock();
}

void afterForkInParent() RELEASE(stateMutex()) {
    stateMutex().unlock();
    forking.fetch_sub(1);
}

void afterForkInChild() RELEASE(stateMutex()) {
    currentForkCount.fetch_add(1);
    inFlight = depth;
    startInChild.load()();
    stateMutex().unlock();
    forking = 0;
}

} // namespace

unsigned long forkCount() {
    return currentForkCount.load(std::memory_order_relaxed);
}

Mutex& stateMutex() {
    return mutexOfState;
}

void enterCall() {
    inFlight.fetch_add(1);
    while (depth == 0 && forking.load() > 0) {
        inFlight.fetch_sub(1);
        std::this_thread::sleep_for(pause);
        inFlight.fetch_add(1);
    }
    ++depth;
}

void leaveCall() {
    --depth;
    inFlight.fetch_sub(1);
}

int callDepth() {
    return depth;
}

bool exiting() {
    return isExiting.load();
}

void shutdown() {
    if (isExiting.exchange(true))
        return;
    if (auto* finalizer = exitFinalizer.load())
        finalizer();
}

void installHandlers(void (*finalizer)(), void (*childStarter)()) {
    startInChild = childStarter;
    if (exitFinalizer.exchange(finalizer) == nullptr)
        pthread_atfork(beforeFork, afterForkInParent, afterForkInChild);
    // Once for each loaded module, because the handler must run before each module's static
    // destructors.
    exitBeforeOthers();
}

void exitBeforeOthers() {
    std::atexit(shutdown);
}

void keepForever(std::shared_ptr<void> object) {
    kept.push_back(std::move(object));
}

} // namespace p11::pkcs11::process
