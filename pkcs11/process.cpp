#include "pkcs11/process.h"

#include <atomic>
#include <cstdlib>
#include <vector>

#include <pthread.h>

namespace pkcs11::process {
namespace {

std::atomic<unsigned long> currentGeneration{1};
std::atomic<bool> isExiting{false};
std::atomic<void (*)()> exitFinalizer{nullptr};

// Function-local and never destroyed: they are used by exit handlers, after static destructors.
std::vector<std::shared_ptr<void>>& kept() {
    static auto* objects = new std::vector<std::shared_ptr<void>>;
    return *objects;
}

void beforeFork() { stateMutex().lock(); }

void afterForkInParent() { stateMutex().unlock(); }

void afterForkInChild() {
    currentGeneration.fetch_add(1);
    stateMutex().unlock();
}

} // namespace

unsigned long generation() { return currentGeneration.load(std::memory_order_relaxed); }

std::mutex& stateMutex() {
    static auto* mutex = new std::mutex;
    return *mutex;
}

bool exiting() { return isExiting.load(); }

void shutdown() {
    if (isExiting.exchange(true))
        return;
    if (auto* finalizer = exitFinalizer.load())
        finalizer();
}

void installHandlers(void (*finalizer)()) {
    if (exitFinalizer.exchange(finalizer) == nullptr)
        pthread_atfork(beforeFork, afterForkInParent, afterForkInChild);
    // Once for each module loaded: the handler must come after every module's own static objects.
    std::atexit(shutdown);
}

void keepForever(std::shared_ptr<void> object) {
    kept().push_back(std::move(object));
}

} // namespace pkcs11::process
