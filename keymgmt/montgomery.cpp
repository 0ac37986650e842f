// SPDX-License-Identifier: Apache-2.0
// X25519 and X448 (RFC 7748; PKCS#11 3.0, section 2.3), which can only agree on secrets.
#include <array>

#include "keymgmt/named_curve.h"
#include "keymgmt/parameter_list.h"

namespace p11::keymgmt {
namespace {

std::optional<KeyType> typeOfMontgomery(const pkcs11::Attributes& attributes) {
    return typeOfNamedCurve(attributes, montgomeryFamily);
}

constexpr Usage deriving{.sign = false, .decrypt = false, .unwrap = false, .derive = true};

constexpr KeyPairMechanism montgomeryMechanism{CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
                                               "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"};
constexpr KeyPairMechanism montgomeryMechanismByName{montgomeryMechanism.keyType,
                                                     montgomeryMechanism.mechanism,
                                                     montgomeryMechanism.mechanismName, true};
constexpr std::array forms{montgomeryMechanism, montgomeryMechanismByName, edwardsMechanism};

constexpr PairMaking pairs{
    .possible = deriving,
    .common = [](KeyType) { return deriving; },
    .forms = forms,
    .note = nullptr,
    .generation = generateOnNamedCurve,
    .values = storeOnNamedCurve,
};

} // namespace

constexpr KeyFamily montgomeryFamily{
    .keyType = CKK_EC_MONTGOMERY,
    .typeOf = typeOfMontgomery,
    .publicKeyOf = publicKeyOnNamedCurve,
    .publicParameters = rawPublicParameters.data(),
    .pairParameters = rawPairParameters.data(),
    .agreeing = Agreeing::xdh,
    .encapsulating = Encapsulating::dhkem,
    .proves = agreesWith,
    .pairs = &pairs,
};

} // namespace p11::keymgmt
