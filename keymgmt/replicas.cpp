// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/replicas.h"

#include <algorithm>
#include <utility>

#include "pkcs11/operation.h"
#include "pkcs11/recovery.h"
#include "pkcs11/trace.h"

namespace p11::keymgmt {
namespace {

using pkcs11::MutexLock;
using pkcs11::process::stateMutex;

constexpr std::chrono::seconds firstPause(1);
constexpr Retry::Clock::duration longestPause = std::chrono::seconds(30);

/// What the failure of a replica means for the operation, and for the replica.
enum class Fate {
    final,    ///< another replica must not repeat it, or would fail in the same way
    passOver, ///< another one may do it
    doubtful, ///< it is the token's failure if the token does not answer at all
    aside,    ///< the token's failure
    out       ///< the token refused the PIN, which is not tried again
};

bool isTokensAbsence(CK_RV rv) {
    return rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT;
}

Fate fateOfLogin(const pkcs11::Error& error) {
    const bool isRefusal = error.failure() == pkcs11::Failure::login &&
                           error.rv() != CKR_USER_NOT_LOGGED_IN && error.rv() != CKR_OK;
    return isRefusal ? Fate::out : Fate::aside;
}

// Whatever the data is.
bool isRefusalOfToken(const pkcs11::Error& error) {
    return error.failure() == pkcs11::Failure::unsupported || pkcs11::isRefusedAtInit(error) ||
           error.rv() == CKR_MECHANISM_INVALID || error.rv() == CKR_FUNCTION_NOT_SUPPORTED ||
           error.rv() == CKR_KEY_FUNCTION_NOT_PERMITTED;
}

bool mayBlameCiphertext(const pkcs11::Error& error) {
    return error.isOf(pkcs11::functionName<&pkcs11::List::C_Decrypt>) &&
           error.rv() == CKR_DEVICE_ERROR;
}

Fate fateOf(const pkcs11::Error& error) {
    using pkcs11::Failure;
    if (pkcs11::isOfLogin(error.failure()))
        return fateOfLogin(error);
    if (error.failure() == Failure::key || error.failure() == Failure::notFound)
        return Fate::aside;
    if (isRefusalOfToken(error))
        return Fate::passOver;
    if (pkcs11::mayBlamePeer(error) || mayBlameCiphertext(error))
        return Fate::doubtful;
    if (error.isOf(pkcs11::functionName<&pkcs11::List::C_OpenSession>)) // it may be full
        return Fate::aside;
    // A decryption is final unless the token was gone before it could answer.
    const bool isLoss =
        pkcs11::remedyFor(error) != pkcs11::Remedy::none || isTokensAbsence(error.rv());
    return isLoss ? Fate::aside : Fate::final;
}

// A key agreement fails in the same way because of a peer's data and because the HSM is gone. What
// tells them apart has nothing to do with the data.
bool answers(const Key& key) {
    try {
        key.requireAnswers();
        return true;
    } catch (const pkcs11::Error& error) {
        pkcs11::trace::step(error.what());
        return false;
    }
}

std::string nameOf(const Key& key) {
    return key.privateObject().token().describe();
}

} // namespace

void Retry::setAside(Clock::time_point now) {
    if (isAside())
        return;
    pause_ = firstPause;
    next_ = now + pause_;
}

bool Retry::begins(Clock::time_point now) {
    const auto self = pkcs11::process::forkCount();
    if (!isAside() || now < next_ || askedBy_ == self)
        return false;
    askedBy_ = self;
    return true;
}

void Retry::end(bool works, Clock::time_point now) {
    askedBy_ = 0;
    pause_ = works ? Clock::duration::zero()
                   : std::clamp<Clock::duration>(2 * pause_, firstPause, longestPause);
    next_ = now + pause_;
}

Replicas::Replicas(const ossl::ProviderContext& context, ossl::Replicas mode, const Keys& keys,
                   Search search)
    : context_(context), mode_(mode), search_(std::move(search)) {
    add(keys);
    const MutexLock lock(stateMutex());
    if (search_)
        missing_.setAside(Retry::Clock::now());
}

Replicas::Keys Replicas::keys() const {
    const MutexLock lock(stateMutex());
    Keys keys;
    for (const auto& member : members_)
        keys.push_back(member.key);
    return keys;
}

Replicas::Keys Replicas::wellOnes() const {
    const MutexLock lock(stateMutex());
    Keys keys;
    for (const auto& member : members_)
        if (member.out.empty() && !member.retry.isAside())
            keys.push_back(member.key);
    return keys;
}

// One that works comes before one that does not. `one` comes later in the configured order.
bool Replicas::isBetter(const Member& one, const Member& other) const {
    if (one.retry.isAside() != other.retry.isAside())
        return other.retry.isAside();
    if (mode_ == ossl::Replicas::failover)
        return false;
    return std::pair(one.key->underWay(), one.lastTurn) <
           std::pair(other.key->underWay(), other.lastTurn);
}

std::optional<std::size_t> Replicas::choose(const Tried& tried) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (!tried[i] && members_[i].out.empty() &&
            (!best || isBetter(members_[i], members_[*best])))
            best = i;
    }
    return best;
}

// A worker asks, so that no operation waits for a token that does not answer. Without workers the
// operation that comes after the pause does.
void Replicas::inBackground(const void* lane, const std::function<void()>& task) {
    const auto threads = context_.settings().asyncThreads;
    if (threads == 0 || !context_.workers().run(task, {lane, 1}, threads))
        task();
}

void Replicas::askThoseDue() {
    std::vector<std::size_t> due;
    bool isMissingDue = false;
    {
        const MutexLock lock(stateMutex());
        const auto now = Retry::Clock::now();
        for (std::size_t i = 0; i < members_.size(); ++i)
            if (members_[i].out.empty() && members_[i].retry.begins(now))
                due.push_back(i);
        isMissingDue = missing_.begins(now);
    }
    for (const auto member : due)
        inBackground(this, [self = shared_from_this(), member] { self->ask(member); });
    if (isMissingDue)
        inBackground(&missing_, [self = shared_from_this()] { self->lookForMore(); });
}

void Replicas::ask(std::size_t member) {
    const auto key = keys()[member];
    std::optional<pkcs11::Error> failure;
    try {
        key->proveAgain();
        pkcs11::trace::step("takes part again: the key on " + nameOf(*key));
    } catch (const pkcs11::Error& error) {
        failure = error;
        pkcs11::trace::step("still left out, the key on " + nameOf(*key) + ": " + error.what());
    } catch (const std::exception& error) {
        failure.emplace(pkcs11::Failure::call, error.what());
    }
    const MutexLock lock(stateMutex());
    members_[member].retry.end(!failure, Retry::Clock::now());
    if (failure && fateOf(*failure) == Fate::out)
        members_[member].out = failure->what();
}

void Replicas::lookForMore() {
    Found found;
    try {
        found = search_(keys());
    } catch (const std::exception& error) {
        pkcs11::trace::step(error.what());
    }
    for (const auto& key : found.keys)
        pkcs11::trace::step("takes part from now on: the key on " + nameOf(*key));
    add(found.keys);
    const MutexLock lock(stateMutex());
    missing_.end(found.isComplete, Retry::Clock::now());
}

void Replicas::add(const Keys& keys) {
    const MutexLock lock(stateMutex());
    for (const auto& key : keys)
        if (members_.size() < most) {
            key->setReplica();
            members_.emplace_back().key = key;
        }
}

// The first one may be back by the time that the last one fails.
std::optional<std::size_t> Replicas::Turns::choose() {
    const auto chosen = replicas_.choose(tried_);
    if (chosen || std::exchange(isSecondRound_, true))
        return chosen;
    tried_ &= ~mayReturn_;
    return replicas_.choose(tried_);
}

const std::shared_ptr<Key>& Replicas::Turns::next() {
    replicas_.askThoseDue();
    {
        const MutexLock lock(stateMutex());
        if (const auto chosen = choose()) {
            tried_.set(*chosen);
            number_ = *chosen;
            present_ = &replicas_.members_[*chosen];
            present_->lastTurn = ++replicas_.turns_;
            return present_->key;
        }
    }
    noneIsLeft();
}

void Replicas::Turns::noteSuccess() {
    const MutexLock lock(stateMutex());
    if (present_->retry.isAside())
        present_->retry.end(true, Retry::Clock::now());
}

void Replicas::Turns::noteFailure(const pkcs11::Error& error) {
    auto fate = fateOf(error);
    if (fate == Fate::doubtful)
        fate = answers(*present_->key) ? Fate::final : Fate::aside;
    if (fate == Fate::final)
        throw error; // NOLINT(cert-err60-cpp): its strings were allocated before
    const auto name = nameOf(*present_->key);
    if (fate != Fate::passOver)
        pkcs11::trace::step("left out, the key on " + name + ": " + error.what());
    {
        const MutexLock lock(stateMutex());
        if (fate == Fate::aside) {
            present_->retry.setAside(Retry::Clock::now());
            mayReturn_.set(number_);
        }
        if (fate == Fate::out)
            present_->out = error.what();
    }
    if (!isSecondRound_)
        reasons_.push_back(name + ": " + error.what());
    last_ = error;
}

void Replicas::Turns::noneIsLeft() const {
    auto reasons = reasons_;
    {
        const MutexLock lock(stateMutex());
        for (std::size_t i = 0; i < replicas_.members_.size(); ++i)
            if (!replicas_.members_[i].out.empty() && !tried_[i])
                reasons.push_back(replicas_.members_[i].out);
    }
    if (last_ && reasons.size() == 1)
        throw *last_; // NOLINT(cert-err60-cpp)
    std::string message = "no token with the key can do it";
    for (const auto& reason : reasons)
        message += "; " + reason;
    const auto failure = last_ ? last_->failure() : pkcs11::Failure::login;
    throw pkcs11::Error(failure, message, last_ ? last_->rv() : CKR_PIN_INCORRECT);
}

} // namespace p11::keymgmt
