// SPDX-License-Identifier: Apache-2.0
// Whether it is worth while to have another thread do an operation.
#pragma once

#include <atomic>
#include <chrono>

namespace p11::ossl {

/// How long the operations with a key take. Thread-safe.
class Pace {
    using Clock = std::chrono::steady_clock;

  public:
    /// True if the last ones took less time than it costs to have another thread do them. A single
    /// one that takes longer ends this.
    bool isQuick() const { return quickOnes_ >= enough; }

    /// An operation took so long.
    void note(Clock::duration time) {
        if (time >= quick)
            quickOnes_ = 0;
        else if (!isQuick())
            ++quickOnes_;
    }

    /// Measures an operation in its scope.
    class Measurement {
      public:
        explicit Measurement(Pace& pace) : pace_(pace) {}
        ~Measurement() { pace_.note(Clock::now() - begin_); }
        Measurement(const Measurement&) = delete;
        Measurement& operator=(const Measurement&) = delete;

      private:
        Pace& pace_;
        Clock::time_point begin_ = Clock::now();
    };

  private:
    static constexpr auto quick = std::chrono::microseconds(200);
    static constexpr unsigned enough = 16;

    std::atomic<unsigned> quickOnes_{0}; ///< in succession
};

} // namespace p11::ossl
