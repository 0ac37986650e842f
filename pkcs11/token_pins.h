// SPDX-License-Identifier: Apache-2.0
// The PINs of a token: those that provider instances have for it, and those that it refused.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "pkcs11/pin.h"
#include "pkcs11/process.h"

namespace p11::pkcs11 {

class TokenPins;

/// The digest of a PIN and a salt. It recognises a PIN, but does not contain it.
using PinDigest = std::array<unsigned char, 32>;

/// A provider instance as the owner of PINs. Its destruction wipes them, and logs out each token to
/// which no other instance has logged in. Thread-safe.
class PinOwner {
  public:
    using Digest = std::function<PinDigest(const PinDigest& salt, const Pin& pin)>;
    using Given = std::function<std::optional<Pin>()>;
    /// Both may throw Error. `contextPin` is the PIN for keys that need it at each use, if it
    /// differs from the token's.
    explicit PinOwner(Digest digest, Given contextPin = {})
        : digest_(std::move(digest)), contextPin_(std::move(contextPin)) {}
    ~PinOwner();
    PinOwner(const PinOwner&) = delete;
    PinOwner& operator=(const PinOwner&) = delete;

    PinDigest digest(const PinDigest& salt, const Pin& pin) const { return digest_(salt, pin); }
    std::optional<Pin> contextPin() const { return contextPin_ ? contextPin_() : std::nullopt; }

  private:
    friend class TokenPins;
    Digest digest_;
    Given contextPin_;
    /// Those that have PINs of it.
    std::vector<TokenPins*> tokens_ GUARDED_BY(process::stateMutex());
};

/// Thread-safe. Each token has one, whatever happens to its session pools.
class TokenPins {
  public:
    /// One login at a time, so that a waiting thread learns the result of the previous one. If a
    /// thread of the parent had the turn when the process forked, it does not have it in the child.
    class Turn {
      public:
        explicit Turn(TokenPins& pins);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        /// While this thread waited, a login at the PIN pad failed for another thread's operation.
        bool padWasRefused() const { return pins_.padRefusals_ != padRefusals_; }

      private:
        TokenPins& pins_;
        unsigned long padRefusals_; ///< before it waited
        std::uint32_t mine_;
    };

    /// `logOut` ends the token's login, and throws nothing. Throws Error.
    explicit TokenPins(std::function<void()> logOut);
    TokenPins(const TokenPins&) = delete;
    TokenPins& operator=(const TokenPins&) = delete;

    /// The PIN for logins without anybody to ask: after a loss, after a fork, and at each use of a
    /// CKA_ALWAYS_AUTHENTICATE key.
    std::optional<Pin> of(const PinOwner& owner) const;

    /// `owner` has logged in, with `pin` or without one at the token's PIN pad.
    void noteLogin(PinOwner& owner, const std::optional<Pin>& pin);
    /// The token has accepted `pin` of `owner` for one operation.
    void noteGood(const PinOwner& owner, const Pin& pin);
    bool hasGood(const PinOwner& owner) const;
    /// A PIN of `owner` that could not be tried, because somebody else has logged in. It is good if
    /// it equals another instance's good PIN. It never replaces a good one.
    void offer(PinOwner& owner, const Pin& pin);
    /// The answer to a login with `pin` was unclear. True if the PIN was good before; then it has
    /// to prove itself again.
    bool doubt(const PinOwner& owner, const Pin& pin);

    /// Refused PINs are never tried again in this process, whoever has them. Throws Error.
    bool wasRefused(const PinOwner& owner, const Pin& pin) const;
    void noteRefused(const PinOwner& owner, const Pin& pin);

    void notePadRefused() { ++padRefusals_; }
    /// Call it when a login asks somebody to come to the token's PIN pad.
    bool askAtPad() const;

    /// Wipes the PINs of `owner`. If it was the last owner with a share in the token's login, that
    /// ends. Throws nothing.
    void forget(const PinOwner& owner);

  private:
    struct Known {
        std::optional<Pin> pin; ///< none if a PIN pad takes it
        bool isGood = false;
        bool sharesLogin = false; ///< has logged in, or could have
    };
    Known& knownOf(PinOwner& owner) REQUIRES(process::stateMutex());
    Known* find(const PinOwner& owner, const Pin& pin) REQUIRES(process::stateMutex());

    std::function<void()> logOut_;
    PinDigest salt_{};
    std::atomic<std::uint32_t> turn_{0}; ///< process::forkCount() of its holder; 0: nobody
    std::atomic<unsigned long> padRefusals_{0};
    std::map<const PinOwner*, Known> known_ GUARDED_BY(process::stateMutex());
    std::vector<PinDigest> refused_ GUARDED_BY(process::stateMutex());
};

} // namespace p11::pkcs11
