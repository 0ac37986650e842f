// SPDX-License-Identifier: Apache-2.0
// Where the provider answers otherwise than software on purpose.
#pragma once

#include "compare.h"

namespace testing_support::differential {

struct Difference {
    const char* call;     ///< a regular expression for the whole call
    const char* software; ///< and for each side's answer to it
    const char* token;
    const char* reason;
    /// What comes after it in the same operation can't be compared any more.
    bool endsComparison = false;
    /// It is so with OpenSSL before this version alone, as "3.1"; null for every version.
    const char* before = nullptr;
};

/// The entry of the list that allows the two answers to differ; null if no entry does.
const Difference* deliberateDifference(const Answer& software, const Answer& token);

} // namespace testing_support::differential
