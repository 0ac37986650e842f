// SPDX-License-Identifier: Apache-2.0
// Lists of another provider's parameters (gettable, settable), with some of ours.
#pragma once

#include <span>

#include <openssl/params.h>

namespace keymgmt {

/// Lives as long as the process. `theirs` may be null. Thread-safe.
const OSSL_PARAM* withOurs(const OSSL_PARAM* theirs, std::span<const OSSL_PARAM> ours);

} // namespace keymgmt
