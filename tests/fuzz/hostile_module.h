// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module that answers as the fuzzer's bytes say: well with a zero, and else with wrong
// sizes, values, handles and results. It never writes beyond a buffer that it is given.
#pragma once

#include "tests/fuzz/input.h"

/// The bytes for the calls to come; they must stay where they are for as long.
__attribute__((visibility("default"))) void hostile_module_set_script(fuzz::Input script);
