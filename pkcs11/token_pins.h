// SPDX-License-Identifier: Apache-2.0
// The PINs of a token: those that provider instances have for it, and what was refused.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "pkcs11/pin.h"

namespace pkcs11 {

class Token;

/// Of a PIN and a salt. It tells that a PIN was seen before, and is no copy of it.
using PinDigest = std::array<unsigned char, 32>;

/// One provider instance, as the one whose PINs they are. With it they are wiped, and each token
/// that no other instance has logged in to is logged out. Thread-safe.
class PinOwner {
  public:
    using Digest = std::function<PinDigest(const PinDigest& salt, const Pin& pin)>;
    using Given = std::function<std::optional<Pin>()>;
    /// Both may throw Error. `contextPin` is the PIN for keys that ask for it at each use, where
    /// that is not the token's.
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
    std::vector<Token*> tokens_; ///< that have PINs of it; guarded by process::stateMutex()
};

/// Thread-safe. One for each token, whatever becomes of its connections.
class TokenPins {
  public:
    /// One login at a time, so that whoever waits learns what became of the one before. A thread of
    /// the parent that had the turn when the process forked does not keep it in the child.
    class Turn {
      public:
        explicit Turn(TokenPins& pins);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        /// Somebody has refused to log in at the PIN pad, for an operation of another thread, while
        /// this one waited.
        bool padWasRefused() const { return pins_.padRefusals_ != padRefusals_; }

      private:
        TokenPins& pins_;
        unsigned long padRefusals_; ///< before it waited
        std::uint32_t mine_;
    };

    /// Throws Error.
    explicit TokenPins(Token& token);
    TokenPins(const TokenPins&) = delete;
    TokenPins& operator=(const TokenPins&) = delete;

    /// The PIN for logins that nobody can be asked for: after a loss, after fork, at each use of a
    /// CKA_ALWAYS_AUTHENTICATE key.
    std::optional<Pin> of(const PinOwner& owner) const;

    /// `owner` has logged in: with `pin`, or without one at the token's PIN pad.
    void noteLogin(PinOwner& owner, const std::optional<Pin>& pin);
    /// The token has taken `pin` of `owner` for one operation.
    void noteGood(const PinOwner& owner, const Pin& pin);
    bool hasGood(const PinOwner& owner) const;
    /// A PIN of `owner` that could not be tried, since somebody else has logged in. It is good if
    /// another instance's good one is the same, and takes no good one's place.
    void offer(PinOwner& owner, const Pin& pin);
    /// The answer to a login with `pin` was unclear. True if it had proved good, which it has to do
    /// again then.
    bool doubt(const PinOwner& owner, const Pin& pin);

    /// PINs that the token refused are never tried again in this process, whoever has them. Throws
    /// Error.
    bool wasRefused(const PinOwner& owner, const Pin& pin) const;
    void noteRefused(const PinOwner& owner, const Pin& pin);

    void notePadRefused() { ++padRefusals_; }
    /// A login asks somebody to come to the token's PIN pad.
    bool askAtPad() const;

    /// Wipes what `owner` has here. True if it was the last to have a share in the token's login.
    bool forget(const PinOwner& owner);

  private:
    struct Known {
        std::optional<Pin> pin; ///< none where a PIN pad takes it
        bool isGood = false;
        bool sharesLogin = false; ///< has logged in, or could have
    };
    Known& knownOf(PinOwner& owner);
    Known* find(const PinOwner& owner, const Pin& pin);

    Token& token_;
    PinDigest salt_{};
    std::atomic<std::uint32_t> turn_{0}; ///< process::generation() of who has it; 0: nobody
    std::atomic<unsigned long> padRefusals_{0};
    // Guarded by process::stateMutex().
    std::map<const PinOwner*, Known> known_;
    std::vector<PinDigest> refused_;
};

} // namespace pkcs11
