// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/pair_kind.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "keymgmt/public_key.h"
#include "ossl/core.h"
#include "ossl/ec_point.h"
#include "ossl/secret.h"

namespace keymgmt {
namespace {

using pkcs11::Bytes;

[[noreturn]] void refuse(const std::string& what) {
    throw ossl::UsageError(ossl::Reason::unsupported, what);
}

Bytes oidOf(int nid) {
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &der);
    if (size <= 0)
        refuse("the curve has no object identifier");
    Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
}

Bytes printable(const char* name) {
    const ossl::Owner<ASN1_STRING, ASN1_STRING_free> text(
        ASN1_STRING_type_new(V_ASN1_PRINTABLESTRING));
    unsigned char* der = nullptr;
    int size = -1;
    if (text && ASN1_STRING_set(text.get(), name, -1) == 1)
        size = i2d_ASN1_PRINTABLESTRING(text.get(), &der);
    if (size <= 0)
        refuse("the curve's name cannot be encoded");
    Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
}

int curveNamed(const std::string& group) {
    int nid = EC_curve_nist2nid(group.c_str()); // "P-256"
    if (nid == NID_undef)
        nid = OBJ_txt2nid(group.c_str());
    if (nid == NID_undef)
        refuse("the curve \"" + group + "\" has no name that tokens know");
    return nid;
}

std::string groupOf(EVP_PKEY* key) {
    std::array<char, 128> name{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1)
        refuse("the key's curve has no name, but tokens need one");
    return {name.data(), size};
}

// Big-endian, in as many bytes as it needs, or in `size` of them.
ossl::SecretBytes number(EVP_PKEY* key, const char* name, std::size_t size = 0) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &value) != 1)
        refuse(std::string("the key has no value ") + name);
    const ossl::Owner<BIGNUM, BN_clear_free> owner(value);
    ossl::SecretBytes bytes(size != 0 ? size : static_cast<std::size_t>(BN_num_bytes(value)));
    if (BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size())) < 0)
        refuse(std::string("the key's value ") + name + " is too long");
    return bytes;
}

void restrictToPss(const PairKind& kind, PairTemplates& pair) {
    constexpr std::array mechanisms{CK_ULONG{CKM_RSA_PKCS_PSS}, CK_ULONG{CKM_SHA256_RSA_PKCS_PSS},
                                    CK_ULONG{CKM_SHA384_RSA_PKCS_PSS},
                                    CK_ULONG{CKM_SHA512_RSA_PKCS_PSS}};
    if (kind.type != KeyType::rsaPss)
        return;
    pair.publicValues.numbers(CKA_ALLOWED_MECHANISMS, mechanisms);
    pair.privateValues.numbers(CKA_ALLOWED_MECHANISMS, mechanisms);
}

void refusePrimes(std::size_t count) {
    refuse("RSA keys on tokens have two primes, not " + std::to_string(count));
}

void generateRsa(const PairKind& kind, const PairParameters& wanted, const PairForm&,
                 PairTemplates& pair) {
    if (wanted.primes != 2)
        refusePrimes(wanted.primes);
    if (!wanted.restriction.empty())
        refuse("the parameter " + wanted.restriction +
               " is not supported for RSA-PSS keys on tokens");
    pair.publicValues.number(CKA_MODULUS_BITS, wanted.bits)
        .bytes(CKA_PUBLIC_EXPONENT, wanted.exponent);
    restrictToPss(kind, pair);
}

// What a token would not keep to.
void requirePlain(EVP_PKEY* key) {
    BIGNUM* third = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1) {
        BN_clear_free(third);
        refusePrimes(3);
    }
    // The one that OpenSSL gives of every key that is limited, be it as usual or not.
    int saltLength = 0;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &saltLength) == 1)
        refuse("tokens cannot enforce the limits of an RSA-PSS key (digest, salt length)");
}

void storeRsa(const PairKind& kind, EVP_PKEY* key, const PairForm&, PairTemplates& pair) {
    requirePlain(key);
    constexpr std::array<std::pair<CK_ATTRIBUTE_TYPE, const char*>, 6> secrets{
        {{CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
         {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
         {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
         {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
         {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
         {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1}}};
    for (auto* half : {&pair.publicValues, &pair.privateValues})
        half->bytes(CKA_MODULUS, number(key, OSSL_PKEY_PARAM_RSA_N).view())
            .bytes(CKA_PUBLIC_EXPONENT, number(key, OSSL_PKEY_PARAM_RSA_E).view());
    for (const auto& [type, name] : secrets)
        pair.privateValues.bytes(type, number(key, name).view());
    restrictToPss(kind, pair);
}

void generateEc(const PairKind&, const PairParameters& wanted, const PairForm&,
                PairTemplates& pair) {
    if (wanted.group.empty())
        refuse("no curve is given (for example ec_paramgen_curve:P-256)");
    pair.publicValues.bytes(CKA_EC_PARAMS, oidOf(curveNamed(wanted.group)));
}

void storeEc(const PairKind&, EVP_PKEY* key, const PairForm&, PairTemplates& pair) {
    const auto params = oidOf(curveNamed(groupOf(key)));
    const auto point = ossl::uncompressedPoint(key);
    // The order, which limits the private value, may have a bit more than a coordinate.
    const auto size = static_cast<std::size_t>(EVP_PKEY_get_bits(key) + 7) / 8;
    pair.publicValues.bytes(CKA_EC_PARAMS, params).bytes(CKA_EC_POINT, ossl::octetString(point));
    pair.privateValues.bytes(CKA_EC_PARAMS, params)
        .bytes(CKA_VALUE, number(key, OSSL_PKEY_PARAM_PRIV_KEY, size).view());
}

/// Curves that are a key type in OpenSSL.
struct NamedCurve {
    KeyType type;
    int nid;
    const char* name; ///< PKCS#11 3.0, section 2.3.3
};

constexpr std::array namedCurves{NamedCurve{KeyType::ed25519, NID_ED25519, "edwards25519"},
                                 NamedCurve{KeyType::ed448, NID_ED448, "edwards448"},
                                 NamedCurve{KeyType::x25519, NID_X25519, "curve25519"},
                                 NamedCurve{KeyType::x448, NID_X448, "curve448"}};

// By its OID (RFC 8410), or by its name.
Bytes namedCurveParams(KeyType type, const PairForm& form) {
    const auto* curve = std::find_if(namedCurves.begin(), namedCurves.end(),
                                     [type](const auto& row) { return row.type == type; });
    if (curve == namedCurves.end())
        refuse("the curve is unknown");
    return form.curveByName ? printable(curve->name) : oidOf(curve->nid);
}

void generateNamedCurve(const PairKind& kind, const PairParameters&, const PairForm& form,
                        PairTemplates& pair) {
    pair.publicValues.bytes(CKA_EC_PARAMS, namedCurveParams(kind.type, form));
}

void storeNamedCurve(const PairKind& kind, EVP_PKEY* key, const PairForm& form,
                     PairTemplates& pair) {
    std::array<unsigned char, 64> point{};
    ossl::SecretBytes secret(64);
    std::size_t pointSize = point.size();
    std::size_t secretSize = secret.size();
    if (EVP_PKEY_get_raw_public_key(key, point.data(), &pointSize) != 1 ||
        EVP_PKEY_get_raw_private_key(key, secret.data(), &secretSize) != 1)
        refuse("the key's values cannot be read");
    const auto params = namedCurveParams(kind.type, form);
    pair.publicValues.bytes(CKA_EC_PARAMS, params)
        .bytes(CKA_EC_POINT, ossl::octetString(std::span(point).first(pointSize)));
    pair.privateValues.bytes(CKA_EC_PARAMS, params)
        .bytes(CKA_VALUE, secret.view().first(secretSize));
}

constexpr Usage signing{.sign = true, .decrypt = false, .unwrap = false, .derive = false};
constexpr Usage deriving{.sign = false, .decrypt = false, .unwrap = false, .derive = true};
constexpr Usage signingOrDeriving{.sign = true, .decrypt = false, .unwrap = false, .derive = true};
constexpr Usage signingAndDecrypting{
    .sign = true, .decrypt = true, .unwrap = false, .derive = false};
constexpr Usage allOfRsa{.sign = true, .decrypt = true, .unwrap = true, .derive = false};

constexpr std::array rsaForms{
    PairForm{CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"}};
constexpr std::array ecForms{PairForm{CKK_EC, CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN"}};

constexpr PairForm edwards{CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN,
                           "CKM_EC_EDWARDS_KEY_PAIR_GEN"};
constexpr PairForm edwardsByName{edwards.keyType, edwards.mechanism, edwards.mechanismName, true};
constexpr PairForm montgomery{CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
                              "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"};
constexpr PairForm montgomeryByName{montgomery.keyType, montgomery.mechanism,
                                    montgomery.mechanismName, true};
constexpr std::array edwardsForms{edwards, edwardsByName};
// SoftHSM has all four curves as Edwards keys.
constexpr std::array montgomeryForms{montgomery, montgomeryByName, edwards};

// EC keys sign and no more unless asked: some HSMs refuse keys that may do both.
constexpr std::array kinds{
    PairKind{KeyType::rsa, allOfRsa, signingAndDecrypting, rsaForms, generateRsa, storeRsa},
    PairKind{KeyType::rsaPss, allOfRsa, signing, rsaForms, generateRsa, storeRsa},
    PairKind{KeyType::ec, signingOrDeriving, signing, ecForms, generateEc, storeEc},
    PairKind{KeyType::ed25519, signing, signing, edwardsForms, generateNamedCurve, storeNamedCurve},
    PairKind{KeyType::ed448, signing, signing, edwardsForms, generateNamedCurve, storeNamedCurve},
    PairKind{KeyType::x25519, deriving, deriving, montgomeryForms, generateNamedCurve,
             storeNamedCurve},
    PairKind{KeyType::x448, deriving, deriving, montgomeryForms, generateNamedCurve,
             storeNamedCurve}};

} // namespace

const PairKind& pairKind(KeyType type) {
    const auto* found = std::find_if(kinds.begin(), kinds.end(),
                                     [type](const auto& kind) { return kind.type == type; });
    if (found == kinds.end())
        refuse(std::string("no keys of type ") + nameOf(type) + " can be made or stored on tokens");
    return *found;
}

} // namespace keymgmt
