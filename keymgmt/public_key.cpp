// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/public_key.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "keymgmt/parameter_set.h"
#include "keymgmt/rsa_type.h"
#include "ossl/dispatch.h"

namespace keymgmt {
namespace {

using pkcs11::Attributes;
using pkcs11::Bytes;

// What NSS softokn calls Curve25519, and GnuPG Ed25519.
constexpr const char* nssCurve25519 = "1.3.6.1.4.1.11591.15.1";
// Where only the size of an RSA key matters, any exponent does.
constexpr BN_ULONG commonExponent = 65537;

// PKCS#11 integers are big-endian and unsigned (PKCS#11 2.40, section 2.1).
ossl::Bignum integer(const Bytes& bytes) {
    return ossl::Bignum(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

// The contents of a DER OCTET STRING that fills `bytes`; some tokens give the raw value, without
// the wrapping.
std::optional<Bytes> unwrapped(const Bytes& bytes) {
    const ossl::ErrorMark mark;
    const unsigned char* position = bytes.data();
    const ossl::Asn1OctetString string(
        d2i_ASN1_OCTET_STRING(nullptr, &position, static_cast<long>(bytes.size())));
    if (!string || position != bytes.data() + bytes.size())
        return std::nullopt;
    const auto* data = ASN1_STRING_get0_data(string.get());
    return Bytes(data, data + ASN1_STRING_length(string.get()));
}

// The contents of a BIT STRING, as which PKCS#11 3.0, section 2.3.5, has the points of RFC 8410.
std::optional<Bytes> unwrappedBits(const Bytes& bytes) {
    const ossl::ErrorMark mark;
    const unsigned char* position = bytes.data();
    const ossl::Owner<ASN1_BIT_STRING, ASN1_BIT_STRING_free> string(
        d2i_ASN1_BIT_STRING(nullptr, &position, static_cast<long>(bytes.size())));
    if (!string || position != bytes.data() + bytes.size())
        return std::nullopt;
    const auto* data = ASN1_STRING_get0_data(string.get());
    return Bytes(data, data + ASN1_STRING_length(string.get()));
}

// OpenSSL's names and NIST's, and those of RFC 7748, RFC 8032 and SEC 2 that OpenSSL does not know.
int curveNamed(const std::string& name) {
    struct Name {
        const char* text;
        int curve;
    };
    constexpr std::array names{
        Name{"edwards25519", NID_ED25519},
        Name{"edwards448", NID_ED448},
        Name{"curve25519", NID_X25519},
        Name{"curve448", NID_X448},
        Name{"secp192r1", NID_X9_62_prime192v1},
        Name{"secp256r1", NID_X9_62_prime256v1},
        Name{"1.3.6.1.4.1.3029.1.5.1", NID_X25519}}; // GnuPG's, of before RFC 8410
    const auto* found = std::find_if(names.begin(), names.end(),
                                     [&name](const Name& known) { return name == known.text; });
    if (found != names.end())
        return found->curve;
    const int nist = EC_curve_nist2nid(name.c_str());
    return nist != NID_undef ? nist : OBJ_txt2nid(name.c_str());
}

std::string dottedText(const ASN1_OBJECT* oid) {
    std::array<char, 80> text{};
    OBJ_obj2txt(text.data(), static_cast<int>(text.size()), oid, 1);
    return text.data();
}

std::string oidOf(const Bytes& params) {
    const ossl::ErrorMark mark;
    const unsigned char* position = params.data();
    const ossl::Asn1Object oid(
        d2i_ASN1_OBJECT(nullptr, &position, static_cast<long>(params.size())));
    return oid ? dottedText(oid.get()) : "";
}

// CKA_EC_PARAMS as an OID, or as the PrintableString of PKCS#11 3.0, section 2.3.3; NID_undef for
// explicit parameters and what nobody knows.
int curveOf(const Bytes& params) {
    const ossl::ErrorMark mark;
    const unsigned char* position = params.data();
    const auto size = static_cast<long>(params.size());
    if (const ossl::Asn1Object oid(d2i_ASN1_OBJECT(nullptr, &position, size)); oid)
        return OBJ_obj2nid(oid.get()) != NID_undef ? OBJ_obj2nid(oid.get())
                                                   : curveNamed(dottedText(oid.get()));
    position = params.data();
    const ossl::Owner<ASN1_STRING, ASN1_STRING_free> text(
        d2i_ASN1_PRINTABLESTRING(nullptr, &position, size));
    if (!text)
        return NID_undef;
    return curveNamed({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text.get())),
                       static_cast<std::size_t>(ASN1_STRING_length(text.get()))});
}

// The types whose public value is a string of bytes of one size.
struct RawType {
    KeyType type;
    int curve;
    std::size_t size;
};
constexpr std::array rawTypes{
    RawType{KeyType::ed25519, NID_ED25519, 32}, RawType{KeyType::ed448, NID_ED448, 57},
    RawType{KeyType::x25519, NID_X25519, 32}, RawType{KeyType::x448, NID_X448, 56}};

std::optional<KeyType> rawTypeOfCurve(int curve) {
    const auto* found = std::find_if(rawTypes.begin(), rawTypes.end(),
                                     [curve](const RawType& raw) { return raw.curve == curve; });
    return found != rawTypes.end() ? std::optional(found->type) : std::nullopt;
}

constexpr std::size_t rawSize(KeyType type) {
    return std::find_if(rawTypes.begin(), rawTypes.end(),
                        [type](const RawType& raw) { return raw.type == type; })
        ->size;
}

Bytes rawPoint(const Attributes& attributes, std::size_t size) {
    const auto point = attributes.bytes(CKA_EC_POINT);
    for (const auto& form : {std::optional(point), unwrapped(point), unwrappedBits(point)})
        if (form && form->size() == size)
            return *form;
    return {};
}

// CKK_EC_EDWARDS and CKK_EC_MONTGOMERY: either is used for all four curves.
std::optional<KeyType> rawType(const Attributes& attributes, KeyType common, KeyType large) {
    const auto params = attributes.bytes(CKA_EC_PARAMS);
    if (const auto type = rawTypeOfCurve(curveOf(params)))
        return type;
    // Other OIDs are in use for the same curves; the size of the point decides.
    if (!rawPoint(attributes, rawSize(large)).empty())
        return large;
    return !params.empty() || !rawPoint(attributes, rawSize(common)).empty() ? std::optional(common)
                                                                             : std::nullopt;
}

// Some tokens have no key types but this one for what is drawn on a curve.
KeyType ecType(const Attributes& attributes) {
    const auto params = attributes.bytes(CKA_EC_PARAMS);
    const int curve = curveOf(params);
    if (curve == NID_undef && oidOf(params) == nssCurve25519)
        return KeyType::x25519;
    return rawTypeOfCurve(curve).value_or(KeyType::ec);
}

ossl::Pkey build(const ossl::Context& context, KeyType type, int selection,
                 OSSL_PARAM_BLD* builder) {
    const ossl::Params params(OSSL_PARAM_BLD_to_param(builder));
    return params ? keyFromParams(context, type, selection, params.get()) : nullptr;
}

ossl::Pkey rsaKey(const ossl::Context& context, KeyType type, const BIGNUM* modulus,
                  const BIGNUM* exponent) {
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent);
    return build(context, type, EVP_PKEY_PUBLIC_KEY, builder.get());
}

ossl::Pkey rsaPublicKey(const ossl::Context& context, KeyType type, const Attributes& attributes) {
    const auto* modulus = attributes.find(CKA_MODULUS);
    const auto* exponent = attributes.find(CKA_PUBLIC_EXPONENT);
    if (modulus == nullptr || modulus->empty() || exponent == nullptr || exponent->empty())
        return nullptr;
    return rsaKey(context, type, integer(*modulus).get(), integer(*exponent).get());
}

ossl::Pkey explicitGroup(const ossl::Context& context, const Bytes& params) {
    EVP_PKEY* key = nullptr;
    const ossl::Owner<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free> decoder(
        OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "type-specific", "EC",
                                      OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, context.libctx(),
                                      ossl::Context::propq()));
    const unsigned char* position = params.data();
    std::size_t size = params.size();
    if (!decoder || OSSL_DECODER_from_data(decoder.get(), &position, &size) != 1)
        return nullptr;
    return ossl::Pkey(key);
}

ossl::Pkey ecGroup(const ossl::Context& context, const Attributes& attributes) {
    const auto* params = attributes.find(CKA_EC_PARAMS);
    if (params == nullptr || params->empty())
        return nullptr;
    const int curve = curveOf(*params);
    if (curve == NID_undef)
        return explicitGroup(context, *params);
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(curve),
                                    0);
    return build(context, KeyType::ec, EVP_PKEY_KEY_PARAMETERS, builder.get());
}

bool setPoint(EVP_PKEY* key, const Bytes& point) {
    return !point.empty() && EVP_PKEY_set1_encoded_public_key(key, point.data(), point.size()) == 1;
}

ossl::Pkey ecPublicKey(const ossl::Context& context, const Attributes& attributes) {
    const auto* point = attributes.find(CKA_EC_POINT);
    auto key = ecGroup(context, attributes);
    if (!key || point == nullptr)
        return nullptr;
    // Raw and wrapped points both begin with 04; that the point lies on the curve tells them apart.
    const auto inner = unwrapped(*point);
    if ((inner && setPoint(key.get(), *inner)) || setPoint(key.get(), *point))
        return key;
    return nullptr;
}

ossl::Pkey rawPublicKey(const ossl::Context& context, KeyType type, const Attributes& attributes) {
    const auto point = rawPoint(attributes, rawSize(type));
    return point.empty() ? nullptr : keyFromRaw(context, type, point);
}

// Public values are raw in CKA_VALUE, in which private keys have their secret.
ossl::Pkey parameterSetPublicKey(const ossl::Context& context, KeyType type,
                                 const Attributes& attributes) {
    const auto* value = attributes.find(CKA_VALUE);
    if (attributes.number(CKA_CLASS) != CKO_PUBLIC_KEY || value == nullptr)
        return nullptr;
    return ossl::Pkey(EVP_PKEY_new_raw_public_key_ex(
        context.libctx(), nameOf(type), ossl::Context::propq(), value->data(), value->size()));
}

ossl::Pkey publicKeyFromInfo(const ossl::Context& context, KeyType type,
                             const Attributes& attributes) {
    const auto* info = attributes.find(CKA_PUBLIC_KEY_INFO);
    if (info == nullptr || info->empty())
        return nullptr;
    const unsigned char* position = info->data();
    ossl::Pkey key(d2i_PUBKEY_ex(nullptr, &position, static_cast<long>(info->size()),
                                 context.libctx(), ossl::Context::propq()));
    return key && EVP_PKEY_is_a(key.get(), nameOf(type)) == 1 ? std::move(key) : nullptr;
}

constexpr std::array keyAttributeList{CKA_CLASS,
                                      CKA_KEY_TYPE,
                                      CKA_LABEL,
                                      CKA_ID,
                                      CKA_MODULUS,
                                      CKA_PUBLIC_EXPONENT,
                                      CKA_EC_PARAMS,
                                      CKA_EC_POINT,
                                      CKA_PUBLIC_KEY_INFO,
                                      CKA_UNIQUE_ID,
                                      CKA_ALWAYS_AUTHENTICATE,
                                      CKA_ALLOWED_MECHANISMS}; // last

} // namespace

std::span<const CK_ATTRIBUTE_TYPE> keyAttributes(bool withAllowedMechanisms) {
    const std::span<const CK_ATTRIBUTE_TYPE> all(keyAttributeList);
    return withAllowedMechanisms ? all : all.first(all.size() - 1);
}

std::optional<KeyType> typeOf(const Attributes& attributes) {
    switch (attributes.number(CKA_KEY_TYPE).value_or(CK_UNAVAILABLE_INFORMATION)) {
    case CKK_RSA:
        return rsaTypeOf(attributes).value_or(KeyType::rsa);
    case CKK_EC:
        return ecType(attributes);
    case CKK_EC_EDWARDS:
        return rawType(attributes, KeyType::ed25519, KeyType::ed448);
    case CKK_EC_MONTGOMERY:
        return rawType(attributes, KeyType::x25519, KeyType::x448);
    default:
        return parameterSetType(attributes);
    }
}

bool isKnown(const ossl::Context& context, KeyType type) {
    const ossl::ErrorMark mark;
    return parameterSetOf(type) == nullptr ||
           ossl::PkeyCtx(EVP_PKEY_CTX_new_from_name(context.libctx(), nameOf(type),
                                                    ossl::Context::propq())) != nullptr;
}

ossl::Pkey publicKeyOf(const ossl::Context& context, KeyType type, const Attributes& attributes) {
    const ossl::ErrorMark mark;
    ossl::Pkey key;
    if (isRsa(type))
        key = rsaPublicKey(context, type, attributes);
    else if (type == KeyType::ec)
        key = ecPublicKey(context, attributes);
    else if (parameterSetOf(type) != nullptr)
        key = parameterSetPublicKey(context, type, attributes);
    else
        key = rawPublicKey(context, type, attributes);
    return key ? std::move(key) : publicKeyFromInfo(context, type, attributes);
}

ossl::Pkey shapeOf(const ossl::Context& context, KeyType type, const Attributes& attributes) {
    const ossl::ErrorMark mark;
    if (type == KeyType::ec)
        return ecGroup(context, attributes);
    const auto* modulus = attributes.find(CKA_MODULUS);
    if (!isRsa(type) || modulus == nullptr || modulus->empty())
        return nullptr;
    const ossl::Bignum exponent(BN_new());
    BN_set_word(exponent.get(), commonExponent);
    return rsaKey(context, type, integer(*modulus).get(), exponent.get());
}

ossl::Pkey publicKeyOfCertificate(const ossl::Context& context, const Bytes& der) {
    const ossl::ErrorMark mark;
    ossl::Certificate fresh(X509_new_ex(context.libctx(), ossl::Context::propq()));
    const unsigned char* position = der.data();
    X509* raw = fresh.get();
    if (raw == nullptr || d2i_X509(&raw, &position, static_cast<long>(der.size())) == nullptr) {
        (void)fresh.release(); // d2i frees what it was given on failure
        return nullptr;
    }
    return ossl::Pkey(X509_get_pubkey(raw));
}

ossl::Pkey keyFromRaw(const ossl::Context& context, KeyType type,
                      std::span<const unsigned char> value) {
    return ossl::Pkey(EVP_PKEY_new_raw_public_key_ex(
        context.libctx(), nameOf(type), ossl::Context::propq(), value.data(), value.size()));
}

ossl::Pkey keyFromParams(const ossl::Context& context, KeyType type, int selection,
                         OSSL_PARAM* params) {
    const ossl::PkeyCtx maker(
        EVP_PKEY_CTX_new_from_name(context.libctx(), nameOf(type), ossl::Context::propq()));
    EVP_PKEY* key = nullptr;
    if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
        EVP_PKEY_fromdata(maker.get(), &key, selection, params) != 1)
        return nullptr;
    return ossl::Pkey(key);
}

} // namespace keymgmt
