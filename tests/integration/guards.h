// SPDX-License-Identifier: Apache-2.0
// Function-local statics that the provider makes at run time. A thread that makes one while another
// forks leaves the child waiting for it for ever, so there must be none.
#pragma once

namespace testing_support {

/// Loads the provider's library, which may make its statics meanwhile, and counts from then on.
void watchGuards();

/// How many were made; standard error has their addresses. Always 0 with the sanitizers, which take
/// the compiler's function for their own.
unsigned long guardsTaken();

} // namespace testing_support
