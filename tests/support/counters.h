// SPDX-License-Identifier: Apache-2.0
// The numbers of calls and of threads inside, and the files that report them.
#pragma once

#include "tests/support/functions.h"

namespace test_module {

/// Marks a thread as inside the module during its scope.
class Inside {
  public:
    Inside();
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
};

void countCall(FunctionId id);
unsigned long callCount(FunctionId id);
unsigned long totalCalls();
/// The largest number of threads that were inside at once.
unsigned long mostInside();
/// Calls, logins and threads.
void resetCounters();

void countLogin(CK_RV rv);
unsigned long loginCount(CK_RV rv);

/// A line in PKCS11_TEST_LOG, if that is set.
void logCall(FunctionId id, CK_RV rv);

/// Writes PKCS11_TEST_COUNTS, if that is set. A forked child writes FILE.PID.
void writeCounts();
/// The same, if there were calls since the last time.
void writeNewCounts();

/// Handlers of fork(). The child's counts are its own and begin with it.
void lockCounters();
void unlockCounters();
void startCountersOfChild();

void releaseCounters();

} // namespace test_module
