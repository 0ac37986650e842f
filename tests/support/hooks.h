// SPDX-License-Identifier: Apache-2.0
// What a test does in the middle of a call of its own.
#pragma once

#include "tests/support/functions.h"

namespace test_module {

/// Has `hook` run at the next call of the function, before it is passed on, and at none after.
void setHook(FunctionId id, void (*hook)());
void runHook(FunctionId id);

} // namespace test_module
