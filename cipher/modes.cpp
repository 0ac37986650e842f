// SPDX-License-Identifier: Apache-2.0
#include "cipher/modes.h"

#include "cipher/blocks.h"
#include "cipher/counter.h"
#include "cipher/gcm.h"
#include "cipher/wrap.h"

namespace p11::cipher {

std::unique_ptr<Operation> begin(Mode mode, const Setup& setup) {
    switch (mode) {
    case Mode::ecb:
    case Mode::cbc:
        return std::make_unique<Blocks>(setup);
    case Mode::ctr:
        return std::make_unique<Counter>(setup);
    case Mode::gcm:
        return std::make_unique<Gcm>(setup);
    case Mode::wrap:
        return std::make_unique<Wrap>(setup);
    }
    throw ossl::UsageError(ossl::Reason::internal, "unknown mode");
}

} // namespace p11::cipher
