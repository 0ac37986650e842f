// SPDX-License-Identifier: Apache-2.0
#include "ossl/operation_state.h"

#include "ossl/core.h"

namespace p11::ossl {
namespace {

const char* describe(OperationState::Phase phase) {
    switch (phase) {
    case OperationState::Phase::none:
        return "no operation was started";
    case OperationState::Phase::begun:
        return "the operation has no data";
    case OperationState::Phase::streaming:
        return "the operation already has data";
    case OperationState::Phase::finished:
        return "the operation is finished: start a new one";
    case OperationState::Phase::failed:
        break;
    }
    return "the operation has failed: start a new one";
}

} // namespace

void OperationState::requireOpen() const {
    if (phase_ != Phase::begun && phase_ != Phase::streaming)
        throw UsageError(Reason::data, describe(phase_));
}

void OperationState::requireNoData() const {
    if (phase_ != Phase::begun)
        throw UsageError(Reason::data, describe(phase_));
}

} // namespace p11::ossl
