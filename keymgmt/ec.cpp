// SPDX-License-Identifier: Apache-2.0
// EC keys: ECDSA and ECDH on the curves of SEC 2 and others (PKCS#11 2.40, section 2.3).
#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/objects.h>

#include "keymgmt/curve.h"
#include "keymgmt/key_family.h"
#include "keymgmt/parameter_list.h"
#include "keymgmt/public_key.h"
#include "ossl/ec_point.h"
#include "ossl/ecdsa_der.h"
#include "ossl/error_mark.h"
#include "ossl/params.h"
#include "pkcs11/bytes.h"
#include "pkcs11/mechanism.h"

namespace p11::keymgmt {
namespace {

using pkcs11::Attributes;
using pkcs11::Bytes;

// What NSS softokn calls Curve25519, and GnuPG Ed25519.
constexpr const char* nssCurve25519 = "1.3.6.1.4.1.11591.15.1";

// Some tokens have no key types but this one for what is drawn on a curve.
std::optional<KeyType> typeOfEc(const Attributes& attributes) {
    const auto params = attributes.bytes(CKA_EC_PARAMS);
    const int curve = curveOf(params);
    if (curve == NID_undef && oidTextOf(params) == nssCurve25519)
        return KeyType::x25519;
    return typeOfCurve(curve).value_or(KeyType::ec);
}

ossl::Pkey explicitGroup(const ossl::ProviderContext& context, const Bytes& params) {
    EVP_PKEY* key = nullptr;
    const ossl::Owner<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free> decoder(
        OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "type-specific", "EC",
                                      OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, context.libctx(),
                                      ossl::ProviderContext::propq()));
    const unsigned char* position = params.data();
    std::size_t size = params.size();
    if (!decoder || OSSL_DECODER_from_data(decoder.get(), &position, &size) != 1)
        return nullptr;
    return ossl::Pkey(key);
}

ossl::Pkey ecGroup(const ossl::ProviderContext& context, KeyType type,
                   const Attributes& attributes) {
    const auto* params = attributes.find(CKA_EC_PARAMS);
    if (params == nullptr || params->empty())
        return nullptr;
    const int curve = curveOf(*params);
    if (curve == NID_undef)
        return explicitGroup(context, *params);
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(curve),
                                    0);
    return keyFromBuilder(context, type, EVP_PKEY_KEY_PARAMETERS, builder.get());
}

bool setPoint(EVP_PKEY* key, const Bytes& point) {
    return !point.empty() && EVP_PKEY_set1_encoded_public_key(key, point.data(), point.size()) == 1;
}

ossl::Pkey ecPublicKey(const ossl::ProviderContext& context, KeyType type,
                       const Attributes& attributes) {
    const auto* point = attributes.find(CKA_EC_POINT);
    auto key = ecGroup(context, type, attributes);
    if (!key || point == nullptr)
        return nullptr;
    // Raw and wrapped points both begin with 04; that the point lies on the curve tells them apart.
    const auto inner = unwrapped(*point);
    if ((inner && setPoint(key.get(), *inner)) || setPoint(key.get(), *point))
        return key;
    return nullptr;
}

bool hasGroupOf(EVP_PKEY* candidate, EVP_PKEY* partial) {
    return EVP_PKEY_parameters_eq(candidate, partial) == 1;
}

constexpr const char* challengeDigest = "SHA2-256";

CK_MECHANISM_TYPE combinedMechanism() {
    return pkcs11::hashMechanisms(challengeDigest)->ecdsa;
}

std::size_t orderSize(EVP_PKEY* key) {
    return (static_cast<std::size_t>(EVP_PKEY_get_bits(key)) + 7) / 8;
}

// The signature may have one of several meanings.
bool verifiesRaw(const FoundKey& key, EVP_PKEY* candidate, ByteView hash, ByteView signature) {
    const auto forms = ossl::ecdsaForms(signature, orderSize(candidate));
    return std::any_of(forms.begin(), forms.end(), [&](const auto& form) {
        return verifiesHash(key.context, candidate, hash, form);
    });
}

bool signsFor(const FoundKey& key, EVP_PKEY* candidate) {
    const ossl::ErrorMark mark;
    const auto challenge = makeChallenge(key.context);
    // Not every token cuts what is longer than the order.
    const auto data = ByteView(challenge).first(std::min(challenge.size(), orderSize(candidate)));
    try {
        const auto signature = signWith(key, {CKM_ECDSA, nullptr, 0}, data);
        return verifiesRaw(key, candidate, data, signature);
    } catch (const pkcs11::Error& error) { // as for signatures, where tokens hash themselves
        if (error.rv() != CKR_MECHANISM_INVALID)
            throw;
    }
    const auto signature = signWith(key, {combinedMechanism(), nullptr, 0}, data);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    std::size_t size = 0;
    return EVP_Q_digest(key.context.libctx(), challengeDigest, ossl::ProviderContext::propq(),
                        data.data(), data.size(), hash.data(), &size) == 1 &&
           verifiesRaw(key, candidate, ByteView(hash).first(size), signature);
}

// Keys that are there to be agreed with often may not sign, or can't.
bool provesBySigningOrAgreeing(const FoundKey& key, EVP_PKEY* candidate) {
    try {
        return signsFor(key, candidate);
    } catch (const pkcs11::Error& error) {
        if (!mayNotSign(key.refusals, error, CKM_ECDSA) ||
            !mayNotSign(key.refusals, error, combinedMechanism()))
            throw;
    }
    return agreesWith(key, candidate);
}

constexpr std::array publicValue{ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY)};
constexpr std::array privateValue{ossl::bignumParam(OSSL_PKEY_PARAM_PRIV_KEY)};
constexpr std::array groupAndEnd{ossl::textParam(OSSL_PKEY_PARAM_GROUP_NAME),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_ENCODING),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_FIELD_TYPE),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_P),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_A),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_B),
                                 ossl::octetsParam(OSSL_PKEY_PARAM_EC_GENERATOR),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_ORDER),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_COFACTOR),
                                 ossl::octetsParam(OSSL_PKEY_PARAM_EC_SEED),
                                 ossl::intParam(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH),
                                 ossl::intParam(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC),
                                 ossl::endOfParams()};
constexpr auto publicParameters = joined(publicValue, groupAndEnd);
constexpr auto pairParameters = joined(publicValue, privateValue, groupAndEnd);

int curveOfGroup(const std::string& group) {
    int nid = EC_curve_nist2nid(group.c_str()); // "P-256"
    if (nid == NID_undef)
        nid = OBJ_txt2nid(group.c_str());
    if (nid == NID_undef)
        refusePair("the curve \"" + group + "\" has no name that tokens know");
    return nid;
}

std::string groupOf(EVP_PKEY* key) {
    std::array<char, 128> name{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1)
        refusePair("the key's curve has no name, but tokens need one");
    return {name.data(), size};
}

void note(KeyType, const OSSL_PARAM* params, PairParameters& wanted) {
    wanted.group = ossl::textOf(params, OSSL_PKEY_PARAM_GROUP_NAME).value_or(wanted.group);
}

void generate(KeyType, const PairParameters& wanted, const KeyPairMechanism&, PairTemplates& pair) {
    if (wanted.group.empty())
        refusePair("no curve is given (for example ec_paramgen_curve:P-256)");
    pair.publicValues.bytes(CKA_EC_PARAMS, oidOf(curveOfGroup(wanted.group)));
}

void store(KeyType, EVP_PKEY* key, const KeyPairMechanism&, PairTemplates& pair) {
    const auto params = oidOf(curveOfGroup(groupOf(key)));
    const auto point = ossl::uncompressedPoint(key);
    // The order, which limits the private value, may have a bit more than a coordinate.
    const auto size = orderSize(key);
    pair.publicValues.bytes(CKA_EC_PARAMS, params).bytes(CKA_EC_POINT, ossl::octetString(point));
    pair.privateValues.bytes(CKA_EC_PARAMS, params)
        .bytes(CKA_VALUE, numberOf(key, OSSL_PKEY_PARAM_PRIV_KEY, size).view());
}

constexpr std::array forms{KeyPairMechanism{CKK_EC, CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN"}};

constexpr PairMaking pairs{
    .possible = {.sign = true, .decrypt = false, .unwrap = false, .derive = true},
    // No more unless asked: some HSMs refuse keys that may do both.
    .common = [](KeyType) { return signingUsage; },
    .forms = forms,
    .note = note,
    .generation = generate,
    .values = store,
};

} // namespace

constexpr KeyFamily ecFamily{
    .keyType = CKK_EC,
    .typeOf = typeOfEc,
    .publicKeyOf = ecPublicKey,
    .partialKeyOf = ecGroup,
    .agrees = hasGroupOf,
    .publicParameters = publicParameters.data(),
    .pairParameters = pairParameters.data(),
    .hasGroup = true,
    .defaultDigest = "SHA256",
    .signing = Signing::ecdsa,
    .signMechanism = CKM_ECDSA,
    .agreeing = Agreeing::ecdh,
    .encapsulating = Encapsulating::dhkem,
    .proves = provesBySigningOrAgreeing,
    .verifies = verifiesHash,
    .pairs = &pairs,
};

} // namespace p11::keymgmt
