// SPDX-License-Identifier: Apache-2.0
// RSA and RSA-PSS (RFC 8017, RFC 4055; PKCS#11 2.40, section 2.1).
#include <array>
#include <utility>

#include <openssl/core_names.h>

#include "keymgmt/key_family.h"
#include "keymgmt/parameter_list.h"
#include "keymgmt/public_key.h"
#include "keymgmt/rsa_type.h"
#include "ossl/error_mark.h"
#include "ossl/params.h"
#include "pkcs11/mechanism.h"

namespace p11::keymgmt {
namespace {

using pkcs11::Attributes;
using pkcs11::Bytes;

std::optional<KeyType> typeOfRsa(const Attributes& attributes) {
    return rsaTypeOf(attributes).value_or(KeyType::rsa);
}

// PKCS#11 integers are big-endian and unsigned (PKCS#11 2.40, section 2.1).
ossl::Bignum integer(const Bytes& bytes) {
    return ossl::Bignum(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

ossl::Pkey rsaPublicKey(const ossl::ProviderContext& context, KeyType type,
                        const Attributes& attributes) {
    const auto* modulus = attributes.find(CKA_MODULUS);
    const auto* exponent = attributes.find(CKA_PUBLIC_EXPONENT);
    if (modulus == nullptr || modulus->empty() || exponent == nullptr || exponent->empty())
        return nullptr;
    return rsaKey(context, type, integer(*modulus).get(), integer(*exponent).get());
}

// The modulus with an exponent that only makes it a key of OpenSSL's.
ossl::Pkey rsaPartialKey(const ossl::ProviderContext& context, KeyType type,
                         const Attributes& attributes) {
    constexpr BN_ULONG commonExponent = 65537;
    const auto* modulus = attributes.find(CKA_MODULUS);
    if (modulus == nullptr || modulus->empty())
        return nullptr;
    const ossl::Bignum exponent(BN_new());
    BN_set_word(exponent.get(), commonExponent);
    return rsaKey(context, type, integer(*modulus).get(), exponent.get());
}

bool hasModulusOf(EVP_PKEY* candidate, EVP_PKEY* partial) {
    const auto mine = rsaNumberOf(partial, OSSL_PKEY_PARAM_RSA_N);
    const auto theirs = rsaNumberOf(candidate, OSSL_PKEY_PARAM_RSA_N);
    return mine && theirs && BN_cmp(mine.get(), theirs.get()) == 0;
}

bool provesBySigning(const FoundKey& key, EVP_PKEY* candidate) {
    const ossl::ErrorMark mark;
    const auto challenge = makeChallenge(key.context);
    return verifiesHash(key.context, candidate, challenge,
                        signWith(key, {CKM_RSA_PKCS, nullptr, 0}, challenge));
}

// A key may be there to sign with PSS alone, or to decrypt alone.
bool saysCannotProve(const Refusals& refusals, const pkcs11::Error& error) {
    return mayNotSign(refusals, error, CKM_RSA_PKCS);
}

constexpr std::array publicNumbers{ossl::bignumParam(OSSL_PKEY_PARAM_RSA_N),
                                   ossl::bignumParam(OSSL_PKEY_PARAM_RSA_E)};
constexpr std::array privateNumbers{ossl::bignumParam(OSSL_PKEY_PARAM_RSA_D),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR1),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR2),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR3),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR4),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR5),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR6),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR7),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR8),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR9),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_FACTOR10),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT1),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT2),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT3),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT4),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT5),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT6),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT7),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT8),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT9),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_EXPONENT10),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT1),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT2),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT3),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT4),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT5),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT6),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT7),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT8),
                                    ossl::bignumParam(OSSL_PKEY_PARAM_RSA_COEFFICIENT9)};
constexpr std::array end{ossl::endOfParams()};
constexpr auto publicParameters = joined(publicNumbers, end);
constexpr auto pairParameters = joined(publicNumbers, privateNumbers, end);

void refusePrimes(std::size_t count) {
    refusePair("RSA keys on tokens have two primes, not " + std::to_string(count));
}

Bytes bigEndian(const OSSL_PARAM* param) {
    BIGNUM* value = nullptr;
    if (OSSL_PARAM_get_BN(param, &value) != 1)
        throw ossl::UsageError(ossl::Reason::parameter, "the public exponent is not a number");
    const ossl::Bignum owner(value);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
    BN_bn2bin(value, bytes.data());
    return bytes;
}

void note(KeyType type, const OSSL_PARAM* params, PairParameters& wanted) {
    wanted.bits = ossl::sizeOf(params, OSSL_PKEY_PARAM_RSA_BITS).value_or(wanted.bits);
    wanted.primes = ossl::sizeOf(params, OSSL_PKEY_PARAM_RSA_PRIMES).value_or(wanted.primes);
    if (const auto* exponent = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E))
        wanted.exponent = bigEndian(exponent);
    for (const char* name : {OSSL_PKEY_PARAM_RSA_DIGEST, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST,
                             OSSL_PKEY_PARAM_RSA_PSS_SALTLEN})
        if (type == KeyType::rsaPss && OSSL_PARAM_locate_const(params, name) != nullptr)
            wanted.restriction = name;
}

void restrictToPss(KeyType type, PairTemplates& pair) {
    if (type != KeyType::rsaPss)
        return;
    const std::array<CK_ULONG, 4> mechanisms{
        CKM_RSA_PKCS_PSS, pkcs11::hashMechanisms("SHA2-256")->rsaPss,
        pkcs11::hashMechanisms("SHA2-384")->rsaPss, pkcs11::hashMechanisms("SHA2-512")->rsaPss};
    pair.publicValues.numbers(CKA_ALLOWED_MECHANISMS, mechanisms);
    pair.privateValues.numbers(CKA_ALLOWED_MECHANISMS, mechanisms);
}

void generate(KeyType type, const PairParameters& wanted, const KeyPairMechanism&,
              PairTemplates& pair) {
    if (wanted.primes != 2)
        refusePrimes(wanted.primes);
    if (!wanted.restriction.empty())
        refusePair("the parameter " + wanted.restriction +
                   " is not supported for RSA-PSS keys on tokens");
    pair.publicValues.number(CKA_MODULUS_BITS, wanted.bits)
        .bytes(CKA_PUBLIC_EXPONENT, wanted.exponent);
    restrictToPss(type, pair);
}

// What a token would not keep to.
void requirePlain(EVP_PKEY* key) {
    BIGNUM* third = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1) {
        BN_clear_free(third);
        refusePrimes(3);
    }
    // OpenSSL gives the salt length of every limited key.
    int saltLength = 0;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &saltLength) == 1)
        refusePair("tokens cannot enforce the limits of an RSA-PSS key (digest, salt length)");
}

void store(KeyType type, EVP_PKEY* key, const KeyPairMechanism&, PairTemplates& pair) {
    requirePlain(key);
    constexpr std::array<std::pair<CK_ATTRIBUTE_TYPE, const char*>, 6> secrets{
        {{CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
         {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
         {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
         {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
         {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
         {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1}}};
    for (auto* half : {&pair.publicValues, &pair.privateValues})
        half->bytes(CKA_MODULUS, numberOf(key, OSSL_PKEY_PARAM_RSA_N).view())
            .bytes(CKA_PUBLIC_EXPONENT, numberOf(key, OSSL_PKEY_PARAM_RSA_E).view());
    for (const auto& [attribute, name] : secrets)
        pair.privateValues.bytes(attribute, numberOf(key, name).view());
    restrictToPss(type, pair);
}

constexpr Usage allUsages{.sign = true, .decrypt = true, .unwrap = true, .derive = false};
constexpr Usage signingAndDecrypting{
    .sign = true, .decrypt = true, .unwrap = false, .derive = false};

Usage commonUsage(KeyType type) {
    return type == KeyType::rsaPss ? signingUsage : signingAndDecrypting;
}

constexpr std::array forms{
    KeyPairMechanism{CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"}};

constexpr PairMaking pairs{
    .possible = allUsages,
    .common = commonUsage,
    .forms = forms,
    .note = note,
    .generation = generate,
    .values = store,
};

} // namespace

constexpr KeyFamily rsaFamily{
    .keyType = CKK_RSA,
    .typeOf = typeOfRsa,
    .publicKeyOf = rsaPublicKey,
    .partialKeyOf = rsaPartialKey,
    .inventedParameter = OSSL_PKEY_PARAM_RSA_E,
    .isKnownByPartialKey = true,
    .agrees = hasModulusOf,
    .publicParameters = publicParameters.data(),
    .pairParameters = pairParameters.data(),
    .copiesWithKeyOnly = true,
    .defaultDigest = "SHA256",
    .signing = Signing::rsa,
    .signMechanism = CKM_RSA_PKCS,
    .encapsulating = Encapsulating::rsasve,
    .proves = provesBySigning,
    .verifies = verifiesHash,
    .cannotProve = signsPssAlone,
    .saysCannotProve = saysCannotProve,
    .pairs = &pairs,
};

} // namespace p11::keymgmt
