// SPDX-License-Identifier: Apache-2.0
// The tokens of this process.
#pragma once

#include "pkcs11/token.h"

namespace p11::pkcs11 {

/// The token of `module` with the identity in `info`, made at first use. It lives as long as the
/// process. Thread-safe.
Token& tokenOf(Module& module, CK_SLOT_ID slot, const CK_TOKEN_INFO& info);

/// Module::restart(), unless a token of it is still connected.
void restartUnlessUsed(Module& module, InitializationId failed);

} // namespace p11::pkcs11
