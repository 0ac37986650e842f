// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/refusals.h"

#include <algorithm>
#include <mutex>

#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "pkcs11/process.h"

namespace p11::keymgmt {
namespace {

bool has(const std::vector<Use>& list, const Use& use) {
    return std::find(list.begin(), list.end(), use) != list.end();
}

} // namespace

bool Refusals::contain(const Use& use) const {
    if (!any_)
        return false;
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return has(refused_, use);
}

void Refusals::add(const Use& use) {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    refused_.push_back(use);
    any_ = true;
}

void Refusals::noteTaken(const Use& use) {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    if (!has(taken_, use))
        taken_.push_back(use);
}

bool Refusals::areToldBy(const pkcs11::Error& error, const Use& use) const {
    if (error.rv() != CKR_ARGUMENTS_BAD)
        return pkcs11::isMechanismRefusal(error.rv());
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return pkcs11::isRefusedAtInit(error) && !has(taken_, use);
}

} // namespace p11::keymgmt
