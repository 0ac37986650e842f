// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/life.h"

#include <thread>

#include "pkcs11/process.h"

namespace pkcs11 {
namespace {

// From the low end: number of calls inside, state, epoch.
constexpr unsigned stateShift = 24;
constexpr unsigned epochShift = 32;
constexpr std::uint64_t insideMask = (std::uint64_t{1} << stateShift) - 1;

std::uint64_t insideOf(std::uint64_t word) {
    return word & insideMask;
}

Life::State stateOf(std::uint64_t word) {
    return static_cast<Life::State>(word >> stateShift & 7U);
}

Epoch epochOf(std::uint64_t word) {
    return static_cast<Epoch>(word >> epochShift);
}

bool isReady(Life::State state) {
    return state == Life::State::ours || state == Life::State::theirs;
}

bool isOver(Life::State state) {
    return state == Life::State::ended || state == Life::State::ending;
}

std::uint64_t wordOf(Epoch epoch, Life::State state, std::uint64_t inside) {
    return std::uint64_t{epoch} << epochShift | static_cast<std::uint64_t>(state) << stateShift |
           inside;
}

// 0 means none.
Epoch after(Epoch epoch) {
    return epoch + 1 == 0 ? 1 : epoch + 1;
}

} // namespace

Life::Life() : word_(wordOf(1, State::ended, 0)) {}

Epoch Life::epoch() const {
    const auto word = word_.load();
    return isReady(stateOf(word)) ? epochOf(word) : 0;
}

Life::State Life::state() const {
    return stateOf(word_.load());
}

void Life::pause() {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
}

Life::Call::Call(Life& life, Epoch wanted) : life_(life), verdict_(enter(wanted)) {}

// A waiting thread does not count as inside, so that neither a turn nor a fork waits for it.
CK_RV Life::Call::enter(Epoch wanted) {
    if (process::callDepth() > 0)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    for (;; pause()) {
        process::enterCall();
        const auto word = life_.word_.fetch_add(1);
        const bool good = isReady(stateOf(word)) && !process::exiting() &&
                          (wanted == 0 || wanted == epochOf(word));
        if (good) {
            entered_ = epochOf(word);
            return CKR_OK;
        }
        life_.word_.fetch_sub(1);
        process::leaveCall();
        if (process::exiting() || isOver(stateOf(word)))
            return CKR_CRYPTOKI_NOT_INITIALIZED;
        if (isReady(stateOf(word)))
            return CKR_SESSION_HANDLE_INVALID;
    }
}

// If a module forks inside a call, the child's word does not count that call.
Life::Call::~Call() {
    if (entered_ == 0)
        return;
    if (epochOf(life_.word_.load()) == entered_)
        life_.word_.fetch_sub(1);
    process::leaveCall();
}

bool Life::beginTurn(State from, Epoch only) {
    auto word = word_.load();
    while (stateOf(word) == from && (only == 0 || only == epochOf(word)))
        if (word_.compare_exchange_weak(word, wordOf(epochOf(word), State::turn, insideOf(word))))
            return true;
    return false;
}

bool Life::drain(std::chrono::steady_clock::time_point deadline) const {
    for (; insideOf(word_.load()) > 0; pause())
        if (std::chrono::steady_clock::now() > deadline)
            return false;
    return true;
}

void Life::cancelTurn(State before) {
    auto word = word_.load();
    while (!word_.compare_exchange_weak(word, wordOf(epochOf(word), before, insideOf(word)))) {
    }
}

// A call that checks whether it may enter is counted for a moment, and then removes itself.
Epoch Life::endTurn(State next) {
    auto word = word_.load();
    while (!word_.compare_exchange_weak(word, wordOf(after(epochOf(word)), next, insideOf(word)))) {
    }
    return isReady(next) ? after(epochOf(word)) : 0;
}

void Life::noteEnded(Epoch epoch) {
    auto word = word_.load();
    while (isReady(stateOf(word)) && epochOf(word) == epoch &&
           !word_.compare_exchange_weak(word, wordOf(epoch, State::ended, insideOf(word)))) {
    }
}

void Life::startAnewInChild() {
    word_ = wordOf(after(epochOf(word_.load())), State::ended, 0);
}

} // namespace pkcs11
