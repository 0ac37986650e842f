// SPDX-License-Identifier: Apache-2.0
// Functions that tests run in the middle of a call, and gates that hold calls of other threads.
#pragma once

#include "tests/support/functions.h"

namespace test_module {

/// Runs `hook` once, at the next call of the function, before it is passed on.
void setHook(FunctionId id, void (*hook)());
void runHook(FunctionId id);

/// Has the calls of the function wait until `together` of them do, or for half a minute. 0: none
/// waits, and those that do go on.
void setGate(FunctionId id, unsigned together);
/// How many wait.
unsigned waitingAtGate();
void passGate(FunctionId id);

} // namespace test_module
