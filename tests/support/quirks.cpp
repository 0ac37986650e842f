// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quirks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/support/config.h"
#include "tests/support/config_error.h"
#include "tests/support/names.h"

namespace test_module {
namespace {

constexpr std::pair<const char*, Quirk> names[] = {
    {"find-one-at-a-time", Quirk::findOneAtATime},
    {"find-twice", Quirk::findTwice},
    {"handles-per-session", Quirk::handlesPerSession},
    {"ignore-template", Quirk::ignoreTemplate},
    {"stop-at-unknown-attribute", Quirk::stopAtUnknownAttribute},
    {"refuse-unknown-attributes", Quirk::refuseUnknownAttributes},
    {"trim-rsa", Quirk::trimRsa},
    {"trim-ecdsa", Quirk::trimEcdsa},
    {"der-ecdsa", Quirk::derEcdsa},
    {"full-is-host-memory", Quirk::fullIsHostMemory},
    {"full-is-arguments-bad", Quirk::fullIsArgumentsBad},
    {"read-write-only", Quirk::readWriteOnly},
    {"read-write-login", Quirk::readWriteLogin},
    {"read-write-sign", Quirk::readWriteSign},
    {"visible-before-login", Quirk::visibleBeforeLogin},
    {"names-end-in-nul", Quirk::namesEndInNul},
    {"curve-names", Quirk::curveNames},
    {"no-private-modulus", Quirk::noPrivateModulus},
    {"refresh-on-count", Quirk::refreshOnCount},
    {"empty-mechanism-list", Quirk::emptyMechanismList},
    {"pss-not-listed", Quirk::pssNotListed},
    {"raw-rsa-refused", Quirk::rawRsaRefused},
    {"changes-process", Quirk::changesProcess},
    {"derive-wants-derive", Quirk::deriveWantsDerive},
    {"derive-wants-private", Quirk::deriveWantsPrivate},
    {"derive-wants-no-length", Quirk::deriveWantsNoLength},
    {"device-error-for-unknown", Quirk::deviceErrorForUnknown},
    {"general-error-for-unknown", Quirk::generalErrorForUnknown},
    {"vendor-error-for-unknown", Quirk::vendorErrorForUnknown},
    {"length-untouched", Quirk::lengthUntouched},
    {"long-hash-refused", Quirk::longHashRefused},
    {"finalize-hangs", Quirk::finalizeHangs},
    {"no-context-login", Quirk::noContextLogin},
    {"context-pin", Quirk::contextPin},
    {"vendor-user", Quirk::vendorUser},
    {"user-name", Quirk::userName},
    {"empty-pin", Quirk::emptyPin},
    {"hidden-pin-pad", Quirk::hiddenPinPad},
    {"pkcs7-key-wrap", Quirk::pkcs7KeyWrap},
    {"other-manufacturer", Quirk::otherManufacturer},
};
static_assert(std::size(names) == static_cast<std::size_t>(Quirk::count));

} // namespace

Quirks::Quirks(const std::string& text) {
    for (const auto& name : split(text, ',')) {
        const auto* found =
            std::ranges::find_if(names, [&](const auto& entry) { return name == entry.first; });
        if (found == std::end(names))
            throw ConfigError("no such quirk: '" + name + "'");
        set_.set(static_cast<std::size_t>(found->second));
    }
}

bool has(Quirk quirk) {
    return config().quirks.has(quirk);
}

} // namespace test_module
