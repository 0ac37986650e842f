// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quirks_derivation.h"

#include <algorithm>
#include <vector>

#include "tests/support/module.h"
#include "tests/support/quirks.h"

namespace test_module {
namespace {

using Template = std::vector<CK_ATTRIBUTE>;

bool hasType(const Template& wanted, CK_ATTRIBUTE_TYPE type) {
    return std::ranges::any_of(wanted, [type](const auto& one) { return one.type == type; });
}

bool isRefused(const Template& wanted) {
    return (has(Quirk::deriveWantsDerive) && !hasType(wanted, CKA_DERIVE)) ||
           (has(Quirk::deriveWantsPrivate) && !hasType(wanted, CKA_PRIVATE)) ||
           (has(Quirk::deriveWantsNoLength) && hasType(wanted, CKA_VALUE_LEN));
}

bool isEcdh(const CK_MECHANISM& mechanism) {
    return mechanism.mechanism == CKM_ECDH1_DERIVE ||
           mechanism.mechanism == CKM_ECDH1_COFACTOR_DERIVE;
}

// The length of the ECDH secret, which the real module needs to be told.
CK_ULONG fieldSize(const CK_MECHANISM& mechanism) {
    const auto* params = static_cast<const CK_ECDH1_DERIVE_PARAMS*>(mechanism.pParameter);
    return params->ulPublicDataLen / 2;
}

} // namespace

CK_RV deriveAsWanted(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE base,
                     CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* key) {
    Template wanted(attributes, attributes + count);
    if (isRefused(wanted))
        return CKR_TEMPLATE_INCONSISTENT;
    CK_ULONG size = 0;
    if (has(Quirk::deriveWantsNoLength) && isEcdh(*mechanism)) {
        size = fieldSize(*mechanism);
        wanted.push_back({CKA_VALUE_LEN, &size, sizeof size});
    }
    return real().C_DeriveKey(session, mechanism, base, wanted.data(), wanted.size(), key);
}

} // namespace test_module
