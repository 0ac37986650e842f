// SPDX-License-Identifier: Apache-2.0
// The state of an EVP operation: which step may follow which.
#pragma once

#include <type_traits>

namespace p11::ossl {

/// Each operation context has one, and takes every step through it. After the last step, and after
/// a step that failed, only begin() is possible. Otherwise a caller who asks again could get the
/// result of other data than was given. A copy is independent. Used by one thread at a time.
class OperationState {
  public:
    enum class Phase {
        none,      ///< not started
        begun,     ///< started, without data
        streaming, ///< started, with some data
        finished,
        failed
    };

    Phase phase() const { return phase_; }

    /// Runs `body`, an init function. Possible in every phase.
    template <typename Body>
    void begin(Body&& body) {
        step(Phase::begun, body);
    }

    /// Runs `body`, which takes a piece of the data. Throws UsageError if no data may follow.
    template <typename Body>
    auto update(Body&& body) {
        requireOpen();
        return step(Phase::streaming, body);
    }

    /// Runs `body`, which returns the result of all data. Throws UsageError if that may not follow.
    template <typename Body>
    auto finish(Body&& body) {
        requireOpen();
        return step(Phase::finished, body);
    }

    /// Runs `body`, which takes all of its data at once. This may be repeated, also after a
    /// failure, because nothing is carried over. Throws UsageError in any phase but begun.
    template <typename Body>
    auto once(Body&& body) const {
        requireNoData();
        return body();
    }

    /// Throws UsageError unless data or the end may follow.
    void requireOpen() const;
    /// Throws UsageError unless the operation has been started and has no data.
    void requireNoData() const;

  private:
    template <typename Body>
    auto step(Phase next, Body& body) {
        phase_ = Phase::failed; // if the body throws
        if constexpr (std::is_void_v<decltype(body())>) {
            body();
            phase_ = next;
        } else {
            auto result = body();
            phase_ = next;
            return result;
        }
    }

    Phase phase_ = Phase::none;
};

} // namespace p11::ossl
