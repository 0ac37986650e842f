// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/token_pins.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "pkcs11/error.h"
#include "pkcs11/process.h"

namespace p11::pkcs11 {

PinOwner::~PinOwner() {
    for (auto* token : tokens_)
        token->forget(*this);
}

TokenPins::TokenPins(std::function<void()> logOut) : logOut_(std::move(logOut)) {
    if (getentropy(salt_.data(), salt_.size()) != 0)
        throw Error(Failure::module, "the system supplies no random numbers (getentropy)");
}

TokenPins::Turn::Turn(TokenPins& pins)
    : pins_(pins), padRefusals_(pins.padRefusals_),
      mine_(static_cast<std::uint32_t>(process::forkCount())) {
    for (auto holder = pins_.turn_.load();;) {
        if (holder == mine_) {
            pins_.turn_.wait(holder);
            holder = pins_.turn_.load();
        } else if (pins_.turn_.compare_exchange_weak(holder, mine_)) {
            return;
        }
    }
}

TokenPins::Turn::~Turn() {
    if (pins_.turn_.compare_exchange_strong(mine_, 0))
        pins_.turn_.notify_one();
}

TokenPins::Known& TokenPins::knownOf(PinOwner& owner) {
    const auto [entry, isNew] = known_.try_emplace(&owner);
    if (isNew)
        owner.tokens_.push_back(this);
    return entry->second;
}

TokenPins::Known* TokenPins::find(const PinOwner& owner, const Pin& pin) {
    const auto found = known_.find(&owner);
    return found != known_.end() && found->second.pin == pin ? &found->second : nullptr;
}

std::optional<Pin> TokenPins::of(const PinOwner& owner) const {
    const MutexLock lock(process::stateMutex());
    const auto found = known_.find(&owner);
    return found != known_.end() ? found->second.pin : std::nullopt;
}

void TokenPins::noteLogin(PinOwner& owner, const std::optional<Pin>& pin) {
    const MutexLock lock(process::stateMutex());
    knownOf(owner) = {pin, true, true};
}

void TokenPins::noteGood(const PinOwner& owner, const Pin& pin) {
    const MutexLock lock(process::stateMutex());
    if (auto* known = find(owner, pin))
        known->isGood = true;
}

bool TokenPins::hasGood(const PinOwner& owner) const {
    const MutexLock lock(process::stateMutex());
    const auto found = known_.find(&owner);
    return found != known_.end() && found->second.isGood;
}

void TokenPins::offer(PinOwner& owner, const Pin& pin) {
    const MutexLock lock(process::stateMutex());
    auto& mine = knownOf(owner);
    if (mine.isGood)
        return;
    mine.pin = pin;
    for (const auto& [another, known] : known_)
        if (known.isGood && known.pin == pin)
            mine = known;
}

bool TokenPins::doubt(const PinOwner& owner, const Pin& pin) {
    const MutexLock lock(process::stateMutex());
    auto* known = find(owner, pin);
    return known != nullptr && std::exchange(known->isGood, false);
}

// The digest is made first: if it fails, the PIN is not tried, because nobody could recognise it
// later.
bool TokenPins::wasRefused(const PinOwner& owner, const Pin& pin) const {
    const auto digest = owner.digest(salt_, pin);
    const MutexLock lock(process::stateMutex());
    return std::find(refused_.begin(), refused_.end(), digest) != refused_.end();
}

void TokenPins::noteRefused(const PinOwner& owner, const Pin& pin) {
    const auto digest = owner.digest(salt_, pin);
    const MutexLock lock(process::stateMutex());
    refused_.push_back(digest);
    for (auto& [another, known] : known_)
        known.isGood = known.isGood && known.pin != pin;
}

bool TokenPins::askAtPad() const {
    const MutexLock lock(process::stateMutex());
    return std::any_of(known_.begin(), known_.end(),
                       [](const auto& entry) { return entry.second.isGood && !entry.second.pin; });
}

void TokenPins::forget(const PinOwner& owner) {
    {
        const MutexLock lock(process::stateMutex());
        const auto found = known_.find(&owner);
        if (found == known_.end())
            return;
        const bool shared = found->second.sharesLogin;
        known_.erase(found);
        if (!shared || std::any_of(known_.begin(), known_.end(),
                                   [](const auto& entry) { return entry.second.sharesLogin; }))
            return;
    }
    logOut_();
}

} // namespace p11::pkcs11
