// SPDX-License-Identifier: Apache-2.0
// Ed25519 and Ed448 (RFC 8032; PKCS#11 3.0, section 2.3).
#include <array>

#include "keymgmt/named_curve.h"
#include "keymgmt/parameter_list.h"
#include "ossl/error_mark.h"
#include "pkcs11/mechanism.h"

namespace p11::keymgmt {
namespace {

std::optional<KeyType> typeOfEdwards(const pkcs11::Attributes& attributes) {
    return typeOfNamedCurve(attributes, edwardsFamily);
}

pkcs11::Bytes signMessage(const FoundKey& key, ByteView message) {
    try {
        return signWith(key, {CKM_EDDSA, nullptr, 0}, message);
    } catch (const pkcs11::Error& error) { // some tokens want parameters, as for signatures
        if (error.rv() != CKR_MECHANISM_PARAM_INVALID)
            throw;
    }
    pkcs11::EddsaParams params;
    return signWith(key, {CKM_EDDSA, &params, sizeof params}, message);
}

bool provesBySigning(const FoundKey& key, EVP_PKEY* candidate) {
    const ossl::ErrorMark mark;
    const auto challenge = makeChallenge(key.context);
    return verifiesMessage(key.context, candidate, challenge, signMessage(key, challenge));
}

constexpr KeyPairMechanism edwardsMechanismByName{
    edwardsMechanism.keyType, edwardsMechanism.mechanism, edwardsMechanism.mechanismName, true};
constexpr std::array forms{edwardsMechanism, edwardsMechanismByName};

constexpr PairMaking pairs{
    .possible = signingUsage,
    .common = [](KeyType) { return signingUsage; },
    .forms = forms,
    .note = nullptr,
    .generation = generateOnNamedCurve,
    .values = storeOnNamedCurve,
};

} // namespace

constexpr KeyFamily edwardsFamily{
    .keyType = CKK_EC_EDWARDS,
    .typeOf = typeOfEdwards,
    .publicKeyOf = publicKeyOnNamedCurve,
    .publicParameters = rawPublicParameters.data(),
    .pairParameters = rawPairParameters.data(),
    .mandatoryDigest = "",
    .signing = Signing::eddsa,
    .signMechanism = CKM_EDDSA,
    .proves = provesBySigning,
    .verifies = verifiesMessage,
    .pairs = &pairs,
};

} // namespace p11::keymgmt
