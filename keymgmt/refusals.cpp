// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/refusals.h"

#include <algorithm>
#include <mutex>

#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "pkcs11/process.h"

namespace keymgmt {
namespace {

bool has(const std::vector<std::uint64_t>& list, std::uint64_t fingerprint) {
    return std::find(list.begin(), list.end(), fingerprint) != list.end();
}

} // namespace

bool Refusals::contain(std::uint64_t fingerprint) const {
    if (!any_)
        return false;
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return has(refused_, fingerprint);
}

void Refusals::add(std::uint64_t fingerprint) {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    refused_.push_back(fingerprint);
    any_ = true;
}

void Refusals::noteTaken(std::uint64_t fingerprint) {
    if (lastTaken_.exchange(fingerprint) == fingerprint)
        return;
    const std::lock_guard lock(pkcs11::process::stateMutex());
    if (!has(taken_, fingerprint))
        taken_.push_back(fingerprint);
}

bool Refusals::areToldBy(const pkcs11::Error& error, std::uint64_t fingerprint) const {
    if (error.rv() != CKR_ARGUMENTS_BAD)
        return pkcs11::isMechanismRefusal(error.rv());
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return pkcs11::isRefusedAtInit(error) && !has(taken_, fingerprint);
}

} // namespace keymgmt
