// SPDX-License-Identifier: Apache-2.0
// Functions that tests run in the middle of a call.
#pragma once

#include "tests/support/functions.h"

namespace test_module {

/// Runs `hook` once, at the next call of the function, before it is passed on.
void setHook(FunctionId id, void (*hook)());
void runHook(FunctionId id);

} // namespace test_module
