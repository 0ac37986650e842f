// SPDX-License-Identifier: Apache-2.0
// What an application must not do, and what crashes modules: calls during C_Initialize and
// C_Finalize (PKCS#11 2.40, sections 5.4 and 6.6.2), and two threads in one session (section
// 6.7.6).
#pragma once

#include <optional>

#include "tests/support/functions.h"

namespace test_module {

/// The scope of a call. A breach is reported on standard error and counted.
class Conduct {
  public:
    Conduct(FunctionId id, CK_ULONG handle);
    ~Conduct();
    Conduct(const Conduct&) = delete;
    Conduct& operator=(const Conduct&) = delete;

    /// The answer if the call must not be passed on because another thread is in its session.
    std::optional<CK_RV> refusal() const;

  private:
    FunctionId id_;
    CK_ULONG session_ = 0; ///< 0: none that this call holds
    bool refused_ = false;
};

/// Whether the application has said that it calls from one thread at a time (PKCS#11 2.40,
/// section 5.4: C_Initialize without CKF_OS_LOCKING_OK and without functions for locking).
void setOneThread(bool oneThread);

/// How many breaches there were.
unsigned long breaches();

/// In the child of fork() there are no other threads.
void startConductOfChild();

} // namespace test_module
