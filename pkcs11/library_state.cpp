// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/library_state.h"

#include <thread>

#include "pkcs11/process.h"

namespace p11::pkcs11 {
namespace {

// From the low end: number of calls inside, state, initialization id.
constexpr unsigned stateShift = 24;
constexpr unsigned initializationIdShift = 32;
constexpr std::uint64_t insideMask = (std::uint64_t{1} << stateShift) - 1;

std::uint64_t insideOf(std::uint64_t word) {
    return word & insideMask;
}

LibraryState::State stateOf(std::uint64_t word) {
    return static_cast<LibraryState::State>(word >> stateShift & 7U);
}

InitializationId initializationIdOf(std::uint64_t word) {
    return static_cast<InitializationId>(word >> initializationIdShift);
}

bool isReady(LibraryState::State state) {
    return state == LibraryState::State::initialized ||
           state == LibraryState::State::initializedByOthers;
}

bool isOver(LibraryState::State state) {
    return state == LibraryState::State::notInitialized || state == LibraryState::State::finalizing;
}

std::uint64_t wordOf(InitializationId initializationId, LibraryState::State state,
                     std::uint64_t inside) {
    return std::uint64_t{initializationId} << initializationIdShift |
           static_cast<std::uint64_t>(state) << stateShift | inside;
}

// 0 means none.
InitializationId after(InitializationId initializationId) {
    return initializationId + 1 == 0 ? 1 : initializationId + 1;
}

} // namespace

LibraryState::LibraryState() : word_(wordOf(1, State::notInitialized, 0)) {}

InitializationId LibraryState::initializationId() const {
    const auto word = word_.load();
    return isReady(stateOf(word)) ? initializationIdOf(word) : 0;
}

LibraryState::State LibraryState::state() const {
    return stateOf(word_.load());
}

void LibraryState::pause() {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
}

LibraryState::Call::Call(LibraryState& state, InitializationId wanted)
    : libraryState_(state), verdict_(enter(wanted)) {}

// A waiting thread does not count as inside, so that neither a change nor a fork waits for it.
CK_RV LibraryState::Call::enter(InitializationId wanted) {
    if (process::callDepth() > 0)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    for (;; pause()) {
        process::enterCall();
        const auto word = libraryState_.word_.fetch_add(1);
        const bool good = isReady(stateOf(word)) && !process::exiting() &&
                          (wanted == 0 || wanted == initializationIdOf(word));
        if (good) {
            entered_ = initializationIdOf(word);
            return CKR_OK;
        }
        libraryState_.word_.fetch_sub(1);
        process::leaveCall();
        if (process::exiting() || isOver(stateOf(word)))
            return CKR_CRYPTOKI_NOT_INITIALIZED;
        if (isReady(stateOf(word)))
            return CKR_SESSION_HANDLE_INVALID;
    }
}

// If a module forks inside a call, the child's word does not count that call.
LibraryState::Call::~Call() {
    if (entered_ == 0)
        return;
    if (initializationIdOf(libraryState_.word_.load()) == entered_)
        libraryState_.word_.fetch_sub(1);
    process::leaveCall();
}

bool LibraryState::beginChange(State from, InitializationId only) {
    auto word = word_.load();
    while (stateOf(word) == from && (only == 0 || only == initializationIdOf(word)))
        if (word_.compare_exchange_weak(
                word, wordOf(initializationIdOf(word), State::changing, insideOf(word))))
            return true;
    return false;
}

bool LibraryState::drain(std::chrono::steady_clock::time_point deadline) const {
    for (; insideOf(word_.load()) > 0; pause())
        if (std::chrono::steady_clock::now() > deadline)
            return false;
    return true;
}

void LibraryState::cancelChange(State before) {
    auto word = word_.load();
    while (!word_.compare_exchange_weak(word,
                                        wordOf(initializationIdOf(word), before, insideOf(word)))) {
    }
}

// A call that checks whether it may enter is counted for a moment, and then removes itself.
InitializationId LibraryState::endChange(State next) {
    auto word = word_.load();
    while (!word_.compare_exchange_weak(
        word, wordOf(after(initializationIdOf(word)), next, insideOf(word)))) {
    }
    return isReady(next) ? after(initializationIdOf(word)) : 0;
}

void LibraryState::noteFinalized(InitializationId initializationId) {
    auto word = word_.load();
    while (isReady(stateOf(word)) && initializationIdOf(word) == initializationId &&
           !word_.compare_exchange_weak(
               word, wordOf(initializationId, State::notInitialized, insideOf(word)))) {
    }
}

void LibraryState::resetInChild() {
    word_ = wordOf(after(initializationIdOf(word_.load())), State::notInitialized, 0);
}

} // namespace p11::pkcs11
