// SPDX-License-Identifier: Apache-2.0
// Calls that fail by order: "C_Sign:2=CKR_DEVICE_ERROR,*:5+=CKR_DEVICE_REMOVED".
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "tests/support/functions.h"

namespace test_module {

/// Which calls fail. It counts the calls by itself, so that it can start over at any time.
class FaultPlan {
  public:
    /// Throws ConfigError.
    explicit FaultPlan(const std::string& text);

    bool empty() const { return rules_.empty(); }
    /// The answer for this call if it is not to be passed on. Call it once for every call.
    std::optional<CK_RV> next(FunctionId id);
    /// The next call of each function is its first one again.
    void restart();

  private:
    struct Rule {
        std::optional<FunctionId> function; // none: any
        unsigned long first = 1;
        unsigned long last = 1;
        CK_RV rv = CKR_OK;
        std::chrono::milliseconds lasts{0}; // from the first call on; 0: whatever time it takes
        std::atomic<unsigned long> calls{0};
        std::atomic<std::chrono::steady_clock::rep> start{0};

        bool isOver();
    };
    void add(const std::string& text);

    std::deque<Rule> rules_; // a deque, since atomics do not move
};

} // namespace test_module
