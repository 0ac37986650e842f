// SPDX-License-Identifier: Apache-2.0
// What the token says about itself.
#include <algorithm>
#include <atomic>
#include <vector>

#include "pkcs11/mechanism.h"
#include "tests/support/config.h"
#include "tests/support/module.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

CK_RV getTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    const CK_RV rv = real().C_GetTokenInfo(slot, info);
    if (rv != CKR_OK)
        return rv;
    const auto& current = config();
    if (has(Quirk::namesEndInNul)) {
        std::ranges::replace(info->label, ' ', 0);
        std::ranges::replace(info->serialNumber, ' ', 0);
    }
    if (has(Quirk::otherManufacturer))
        std::ranges::fill(info->manufacturerID, 'x');
    info->flags = (info->flags | current.addedTokenFlags) & ~current.removedTokenFlags;
    if (wrongPinWasEntered())
        info->flags |= CKF_USER_PIN_COUNT_LOW;
    if (current.protectedPin && !has(Quirk::hiddenPinPad))
        info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    if (current.maxSessions)
        info->ulMaxSessionCount = info->ulMaxRwSessionCount = *current.maxSessions;
    return CKR_OK;
}

std::atomic<bool> refreshed{false};

// The token is visible once somebody has asked for the number in this initialization of the module,
// with the quirk set.
CK_RV getSlotList(CK_BBOOL withToken, CK_SLOT_ID* slots, CK_ULONG* count) {
    if (slots == nullptr && has(Quirk::refreshOnCount))
        refreshed = true;
    const bool known = refreshed || !has(Quirk::refreshOnCount);
    if (!known && count != nullptr)
        *count = 0;
    return known ? real().C_GetSlotList(withToken, slots, count) : CKR_OK;
}

CK_RV readMechanisms(CK_SLOT_ID slot, std::vector<CK_MECHANISM_TYPE>& all) {
    CK_ULONG count = 0;
    if (const CK_RV rv = real().C_GetMechanismList(slot, nullptr, &count); rv != CKR_OK)
        return rv;
    all.resize(count);
    const CK_RV rv = real().C_GetMechanismList(slot, all.data(), &count);
    all.resize(std::min<std::size_t>(count, all.size()));
    return rv;
}

CK_RV getMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
    if (has(Quirk::emptyMechanismList) && count != nullptr) {
        *count = 0;
        return CKR_OK;
    }
    const auto& hidden = config().hiddenMechanisms;
    const bool hidesPss = has(Quirk::pssNotListed);
    if ((hidden.empty() && !hidesPss) || count == nullptr)
        return real().C_GetMechanismList(slot, list, count);
    std::vector<CK_MECHANISM_TYPE> all;
    if (const CK_RV rv = readMechanisms(slot, all); rv != CKR_OK)
        return rv;
    std::erase_if(all, [&](CK_MECHANISM_TYPE type) {
        return contains(hidden, type) || (hidesPss && p11::pkcs11::isPss(type));
    });
    const auto room = *count;
    *count = all.size();
    if (list == nullptr)
        return CKR_OK;
    if (room < all.size())
        return CKR_BUFFER_TOO_SMALL;
    std::ranges::copy(all, list);
    return CKR_OK;
}

CK_RV getMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
    if (contains(config().hiddenMechanisms, type))
        return CKR_MECHANISM_INVALID;
    const CK_RV rv = real().C_GetMechanismInfo(slot, type, info);
    if (rv == CKR_OK && config().messageSign && (info->flags & CKF_SIGN) != 0)
        info->flags |= CKF_MESSAGE_SIGN;
    return rv;
}

} // namespace

void forgetSlots() {
    refreshed = false;
}

void interceptSlots(FunctionList& list) {
    list.C_GetSlotList = getSlotList;
    list.C_GetTokenInfo = getTokenInfo;
    list.C_GetMechanismList = getMechanismList;
    list.C_GetMechanismInfo = getMechanismInfo;
}

} // namespace test_module
