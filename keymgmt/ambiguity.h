// SPDX-License-Identifier: Apache-2.0
// What the caller does with a URI that fits several private keys (docs/design.md).
#pragma once

#include <atomic>
#include <string>
#include <utility>

namespace p11::keymgmt {

/// Shared by the keys of one search that found several different private keys. It follows how many
/// of them the caller takes. Thread-safe.
class Ambiguity {
  public:
    /// `message` names all the keys.
    explicit Ambiguity(std::string message) : message_(std::move(message)) {}

    const std::string& message() const { return message_; }

    /// The caller gets another of the keys: it makes a list, and chooses for itself.
    void noteAnother() { state_ = State::listed; }
    /// The store is closed. A caller that has got one key takes it for the only one.
    void noteClosed() {
        auto expected = State::open;
        state_.compare_exchange_strong(expected, State::taken);
    }

    /// True if the caller knows that there are several. Otherwise no key may be used.
    bool isListed() const { return state_ == State::listed; }
    /// True if the caller does not know it, and cannot learn it any more. Before that, a program
    /// that makes a list writes each key before it asks for the next one.
    bool isTaken() const { return state_ == State::taken; }

  private:
    enum class State { open, listed, taken };
    std::atomic<State> state_{State::open};
    std::string message_;
};

} // namespace p11::keymgmt
