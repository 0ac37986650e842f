// SPDX-License-Identifier: Apache-2.0
// Behaviours of other vendors' modules that SoftHSM does not have: PKCS11_TEST_QUIRK=name,name.
#pragma once

#include <bitset>
#include <string>

namespace test_module {

/// README.md has the source of each.
enum class Quirk {
    findOneAtATime,
    findTwice,
    handlesPerSession,
    ignoreTemplate,
    stopAtUnknownAttribute,
    refuseUnknownAttributes,
    trimRsa,
    trimEcdsa,
    derEcdsa,
    fullIsHostMemory,
    fullIsArgumentsBad,
    readWriteOnly,
    readWriteLogin,
    readWriteSign,
    visibleBeforeLogin,
    namesEndInNul,
    curveNames,
    noPrivateModulus,
    refreshOnCount,
    emptyMechanismList,
    pssNotListed,
    rawRsaRefused,
    changesProcess,
    deriveWantsDerive,
    deriveWantsPrivate,
    deriveWantsNoLength,
    deviceErrorForUnknown,
    generalErrorForUnknown,
    vendorErrorForUnknown,
    lengthUntouched,
    longHashRefused,
    finalizeHangs,
    noContextLogin,
    contextPin,
    vendorUser,
    userName,
    emptyPin,
    hiddenPinPad,
    pkcs7KeyWrap,
    otherManufacturer,
    count
};

class Quirks {
  public:
    Quirks() = default;
    /// Throws ConfigError.
    explicit Quirks(const std::string& text);
    bool has(Quirk quirk) const { return set_[static_cast<std::size_t>(quirk)]; }

  private:
    std::bitset<static_cast<std::size_t>(Quirk::count)> set_;
};

/// True if it is set now.
bool has(Quirk quirk);

} // namespace test_module
