// SPDX-License-Identifier: Apache-2.0
// One key on several tokens (docs/high-availability.md): which token does an operation, and what
// happens when it cannot.
#pragma once

#include <bitset>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "keymgmt/key.h"
#include "ossl/provider_context.h"
#include "ossl/settings.h"
#include "pkcs11/error.h"
#include "pkcs11/process.h"

namespace p11::keymgmt {

/// When something that failed is asked again: after 1, 2, 4 ... 30 seconds, and by one thread. In a
/// forked child, what threads of the parent were asking is forgotten.
class Retry {
  public:
    using Clock = std::chrono::steady_clock;

    /// It has failed, and not worked since.
    bool isAside() const { return pause_ != Clock::duration::zero(); }
    void setAside(Clock::time_point now);
    /// True for the first caller after the pause, who asks then, and calls end().
    bool begins(Clock::time_point now);
    void end(bool works, Clock::time_point now);

  private:
    Clock::duration pause_{};
    Clock::time_point next_;
    unsigned long askedBy_ = 0; ///< process::forkCount() of who asks; 0: nobody
};

/// The replicas of a key. Each is a Key of its own, on a token of its own. Thread-safe.
class Replicas : public std::enable_shared_from_this<Replicas> {
  public:
    using Keys = std::vector<std::shared_ptr<Key>>;
    struct Found {
        Keys keys;               ///< proved to be the same key
        bool isComplete = false; ///< nothing is missing any more
    };
    /// Looks for replicas on tokens that have none of `known`. May throw pkcs11::Error.
    using Search = std::function<Found(const Keys& known)>;

    /// `keys` has one at least, and only the first 64 count. A null `search` means that none is
    /// missing.
    Replicas(const ossl::ProviderContext& context, ossl::Replicas mode, const Keys& keys,
             Search search);

    /// All of them, whether they work now or not.
    Keys keys() const;
    /// Those that work as far as is known.
    Keys wellOnes() const;

    class Turns;

  private:
    struct Member {
        std::shared_ptr<Key> key;
        unsigned long lastTurn = 0;
        Retry retry;
        std::string out; ///< why it takes no part any more; empty if it does
    };

    static constexpr std::size_t most = 64;
    using Tried = std::bitset<most>;

    std::optional<std::size_t> choose(const Tried& tried) const
        REQUIRES(pkcs11::process::stateMutex());
    bool isBetter(const Member& one, const Member& other) const;
    void askThoseDue();
    void inBackground(const void* lane, const std::function<void()>& task);
    void ask(std::size_t member);
    void lookForMore();
    void add(const Keys& keys);

    const ossl::ProviderContext& context_;
    const ossl::Replicas mode_;
    const Search search_;
    /// References to members stay valid when others are added.
    std::deque<Member> members_ GUARDED_BY(pkcs11::process::stateMutex());
    unsigned long turns_ GUARDED_BY(pkcs11::process::stateMutex()) = 0;
    Retry missing_ GUARDED_BY(pkcs11::process::stateMutex());
};

/// The attempts of one operation, each with another replica. Used by one thread. If a job of
/// OpenSSL is never resumed, its destructor does not run: until something has failed, it owns
/// nothing.
class Replicas::Turns {
  public:
    explicit Turns(Replicas& replicas) : replicas_(replicas) {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    /// Begins an attempt with the next one. Each that has failed is asked once more after the last
    /// one: it may have returned. Throws pkcs11::Error, with the reason of each, if none is left.
    const std::shared_ptr<Key>& next();
    /// Ends the attempt. After a failure that another replica may not repeat, or would repeat in
    /// vain, rethrows it.
    void noteSuccess();
    void noteFailure(const pkcs11::Error& error);

  private:
    std::optional<std::size_t> choose() REQUIRES(pkcs11::process::stateMutex());
    [[noreturn]] void noneIsLeft() const;

    Replicas& replicas_;
    Tried tried_;
    Tried mayReturn_; ///< of those: failed, and not asked again yet
    bool isSecondRound_ = false;
    Member* present_ = nullptr;
    std::size_t number_ = 0; ///< of the present one
    std::vector<std::string> reasons_;
    std::optional<pkcs11::Error> last_;
};

/// Runs `operation(key)` with `key`, or with one of its replicas after the other until one does it.
/// A decryption or a key agreement that a token has answered is not given to another one. Throws
/// what `operation` throws, and pkcs11::Error.
template <typename Operation>
auto withReplica(const std::shared_ptr<Key>& key, Operation&& operation) {
    const auto& replicas = key->replicas();
    if (!replicas)
        return operation(key);
    for (Replicas::Turns turns(*replicas);;) {
        const auto& replica = turns.next();
        std::optional<pkcs11::Error> failure; // a job must not pause while one is caught
        try {
            auto result = operation(replica);
            turns.noteSuccess();
            return result;
        } catch (const pkcs11::Error& error) {
            failure = error;
        }
        turns.noteFailure(*failure);
    }
}

/// Which replica of a key does an operation. Owns nothing, because a job of OpenSSL may never be
/// resumed. Valid as long as the key.
class ReplicaChoice {
  public:
    ReplicaChoice(const std::shared_ptr<Key>& key, const std::shared_ptr<Key>& replica)
        : replica_(key == replica ? nullptr : &replica) {}

  private:
    friend class ReplicaInPlace;
    const std::shared_ptr<Key>* replica_; ///< null for the key itself
};

/// Puts the chosen replica in the place of `key` in its scope, in which its operation is under way.
class ReplicaInPlace {
  public:
    ReplicaInPlace(std::shared_ptr<Key>& key, ReplicaChoice choice)
        : key_(key),
          before_(choice.replica_ != nullptr ? std::exchange(key, *choice.replica_) : nullptr),
          use_(*key) {}
    ~ReplicaInPlace() {
        if (before_)
            key_ = std::move(before_);
    }
    ReplicaInPlace(const ReplicaInPlace&) = delete;
    ReplicaInPlace& operator=(const ReplicaInPlace&) = delete;

  private:
    std::shared_ptr<Key>& key_;
    std::shared_ptr<Key> before_;
    Key::Use use_;
};

} // namespace p11::keymgmt
