// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/mechanism_list.h"

#include <algorithm>

#include "pkcs11/cryptoki.h"

namespace p11::pkcs11 {

std::unique_ptr<MechanismList::Types> MechanismList::read() const {
    const trace::Step step([this] { return "read the mechanisms of " + slot_.token; });
    auto list = std::make_unique<Types>(512);
    for (;;) {
        auto count = static_cast<CK_ULONG>(list->size());
        const CK_RV rv = slot_.call<&List::C_GetMechanismList>(list->data(), &count);
        if (rv == CKR_OK) {
            list->resize(std::min<std::size_t>(count, list->size()));
            break;
        }
        if (rv != CKR_BUFFER_TOO_SMALL || list->size() > 65536)
            throw callFailed(functionName<&List::C_GetMechanismList>, rv, slot_.token);
        list->resize(list->size() * 4);
    }
    std::sort(list->begin(), list->end());
    return list;
}

const MechanismList::Types& MechanismList::all() {
    {
        const MutexLock lock(mutex_);
        if (all_)
            return *all_;
    }
    auto list = read();
    const MutexLock lock(mutex_);
    if (!all_)
        all_ = std::move(list);
    return *all_;
}

bool MechanismList::isKnown() {
    const MutexLock lock(mutex_);
    return all_ != nullptr;
}

bool MechanismList::offers(CK_MECHANISM_TYPE mechanism) {
    const auto& list = all();
    return std::binary_search(list.begin(), list.end(), mechanism);
}

CK_FLAGS MechanismList::usesOf(CK_MECHANISM_TYPE mechanism) {
    {
        const MutexLock lock(mutex_);
        if (const auto known = uses_.find(mechanism); known != uses_.end())
            return known->second;
    }
    CK_MECHANISM_INFO info{};
    const CK_RV rv = slot_.call<&List::C_GetMechanismInfo>(mechanism, &info);
    if (rv != CKR_OK)
        throw callFailed(functionName<&List::C_GetMechanismInfo>, rv, slot_.token);
    const MutexLock lock(mutex_);
    uses_.try_emplace(mechanism, info.flags);
    return info.flags;
}

bool MechanismList::offers(CK_MECHANISM_TYPE mechanism, CK_FLAGS use) {
    return offers(mechanism) && (usesOf(mechanism) & use) == use;
}

bool MechanismList::signsMessages(CK_MECHANISM_TYPE mechanism) {
    if (!slot_.module.signsMessages())
        return false;
    {
        const MutexLock lock(mutex_);
        if (const auto known = messages_.find(mechanism); known != messages_.end())
            return known->second != Messages::none;
    }
    CK_MECHANISM_INFO info{};
    const CK_RV rv = slot_.call<&List::C_GetMechanismInfo>(mechanism, &info);
    const MutexLock lock(mutex_);
    const bool offered = rv == CKR_OK && (info.flags & CKF_MESSAGE_SIGN) != 0;
    messages_.try_emplace(mechanism, offered ? Messages::offered : Messages::none);
    return offered;
}

void MechanismList::noteNoMessages(CK_MECHANISM_TYPE mechanism, CK_RV rv) {
    const MutexLock lock(mutex_);
    auto& known = messages_[mechanism];
    if (rv != CKR_ARGUMENTS_BAD || known != Messages::begun)
        known = Messages::none;
}

void MechanismList::noteMessages(CK_MECHANISM_TYPE mechanism) {
    const MutexLock lock(mutex_);
    messages_[mechanism] = Messages::begun;
}

} // namespace p11::pkcs11
