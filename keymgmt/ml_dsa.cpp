// SPDX-License-Identifier: Apache-2.0
// ML-DSA (FIPS 204; PKCS#11 3.2, section 6.67).
#include "keymgmt/parameter_list.h"
#include "keymgmt/parameter_set.h"

namespace p11::keymgmt {
namespace {

std::optional<KeyType> typeOfMlDsa(const pkcs11::Attributes& attributes) {
    return typeOfParameterSet(attributes, mlDsaFamily);
}

} // namespace

constexpr KeyFamily mlDsaFamily{
    .keyType = CKK_ML_DSA,
    .typeOf = typeOfMlDsa,
    .publicAttributes = parameterSetPublicAttributes,
    .privateAttributes = parameterSetPrivateAttributes,
    .isInEveryVersion = false,
    .publicKeyOf = publicKeyOfParameterSet,
    .publicParameters = rawPublicParameters.data(),
    .pairParameters = seededPairParameters.data(),
    .mandatoryDigest = "",
    .signing = Signing::additionalContext,
    .signMechanism = CKM_ML_DSA,
    .proves = provesBySigningMessage,
    .verifies = verifiesMessage,
};

} // namespace p11::keymgmt
