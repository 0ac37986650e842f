// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/rsa_type.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "keymgmt/public_key.h"
#include "ossl/error_mark.h"
#include "ossl/handles.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/object.h"
#include "tokens/object_search.h"

namespace p11::keymgmt {
namespace {

using pkcs11::Attributes;
using pkcs11::Bytes;

constexpr std::array besideAttributes{CKA_CLASS, CKA_LABEL,   CKA_ID,
                                      CKA_VALUE, CKA_MODULUS, CKA_PUBLIC_KEY_INFO};

using PublicKeyInfo = ossl::Owner<X509_PUBKEY, X509_PUBKEY_free>;

// Nothing for keys that are not RSA.
std::optional<KeyType> typeIn(const X509_PUBKEY* info) {
    ASN1_OBJECT* algorithm = nullptr;
    if (info == nullptr || X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr, info) != 1)
        return std::nullopt;
    switch (OBJ_obj2nid(algorithm)) {
    case NID_rsassaPss:
        return KeyType::rsaPss;
    case NID_rsaEncryption:
        return KeyType::rsa;
    default:
        return std::nullopt;
    }
}

std::optional<KeyType> typeInInfo(const Bytes& der) {
    const unsigned char* position = der.data();
    const PublicKeyInfo info(d2i_X509_PUBKEY(nullptr, &position, static_cast<long>(der.size())));
    return typeIn(info.get());
}

// Of another key's certificate nothing is believed: ids are not always kept unique.
bool hasModulus(const X509_PUBKEY* info, const Bytes& modulus) {
    const unsigned char* data = nullptr;
    int size = 0;
    if (modulus.empty() || X509_PUBKEY_get0_param(nullptr, &data, &size, nullptr, info) != 1)
        return modulus.empty();
    return std::search(data, data + size, modulus.begin(), modulus.end()) != data + size;
}

std::optional<KeyType> typeInCertificate(const Bytes& der, const Bytes& modulus) {
    const unsigned char* position = der.data();
    const ossl::Certificate certificate(
        d2i_X509(nullptr, &position, static_cast<long>(der.size())));
    if (!certificate)
        return std::nullopt;
    const auto* info = X509_get_X509_PUBKEY(certificate.get());
    return hasModulus(info, modulus) ? typeIn(info) : std::nullopt;
}

} // namespace

bool signsPssAlone(const Attributes& attributes) {
    const auto allowed = attributes.mechanisms(CKA_ALLOWED_MECHANISMS);
    return !allowed.empty() && std::all_of(allowed.begin(), allowed.end(), pkcs11::isPss);
}

bool signsPssAlone(KeyType type, const Attributes& attributes) {
    return type == KeyType::rsaPss || (type == KeyType::rsa && signsPssAlone(attributes));
}

std::optional<KeyType> rsaTypeOf(const Attributes& attributes) {
    const ossl::ErrorMark mark;
    return typeInInfo(attributes.bytes(CKA_PUBLIC_KEY_INFO));
}

std::optional<Attributes> privateHalf(pkcs11::Session& session,
                                      const Attributes& publicAttributes) {
    constexpr std::array wanted{
        CKA_CLASS,           CKA_KEY_TYPE,          CKA_LABEL, CKA_ID, CKA_MODULUS,
        CKA_PUBLIC_KEY_INFO, CKA_ALLOWED_MECHANISMS};
    const auto id = publicAttributes.bytes(CKA_ID);
    const auto label = publicAttributes.bytes(CKA_LABEL);
    if (id.empty() && label.empty())
        return std::nullopt;
    const auto query = tokens::byIdOrLabel(CKO_PRIVATE_KEY, id, {label.begin(), label.end()});
    for (const auto handle : pkcs11::findObjects(session, query)) {
        auto found = pkcs11::readAttributes(session, handle, wanted);
        if (pkcs11::fits(query, found) &&
            found.bytes(CKA_MODULUS) == publicAttributes.bytes(CKA_MODULUS))
            return found;
    }
    return std::nullopt;
}

KeyType rsaTypeOf(pkcs11::Session& session, const Attributes& attributes) {
    const ossl::ErrorMark mark;
    const auto own = rsaTypeOf(attributes);
    const auto id = attributes.bytes(CKA_ID);
    const auto modulus = attributes.bytes(CKA_MODULUS);
    const auto label = attributes.bytes(CKA_LABEL);
    if (id.empty() && label.empty())
        return own.value_or(KeyType::rsa);
    for (const CK_OBJECT_CLASS type : {CKO_CERTIFICATE, CKO_PUBLIC_KEY}) {
        const auto query = tokens::byIdOrLabel(type, id, {label.begin(), label.end()});
        for (const auto handle : pkcs11::findObjects(session, query)) {
            const auto beside = pkcs11::readAttributes(session, handle, besideAttributes);
            if (!pkcs11::fits(query, beside))
                continue;
            const auto told = type == CKO_CERTIFICATE
                                  ? typeInCertificate(beside.bytes(CKA_VALUE), modulus)
                                  : rsaTypeOf(beside);
            const bool isSame =
                type == CKO_CERTIFICATE || modulus.empty() || beside.bytes(CKA_MODULUS) == modulus;
            if (told && isSame)
                return *told;
        }
        if (own)
            return *own;
    }
    return KeyType::rsa;
}

ossl::Bignum rsaNumberOf(EVP_PKEY* key, const char* name) {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key, name, &value);
    return ossl::Bignum(value);
}

ossl::Pkey rsaKey(const ossl::ProviderContext& context, KeyType type, const BIGNUM* modulus,
                  const BIGNUM* exponent) {
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent);
    return keyFromBuilder(context, type, EVP_PKEY_PUBLIC_KEY, builder.get());
}

ossl::Pkey asRsaType(const ossl::ProviderContext& context, ossl::Pkey key, KeyType type) {
    const char* other = nameOf(type == KeyType::rsa ? KeyType::rsaPss : KeyType::rsa);
    if (!key || !isRsa(type) || EVP_PKEY_is_a(key.get(), other) != 1)
        return key;
    const ossl::ErrorMark mark;
    return rsaKey(context, type, rsaNumberOf(key.get(), OSSL_PKEY_PARAM_RSA_N).get(),
                  rsaNumberOf(key.get(), OSSL_PKEY_PARAM_RSA_E).get());
}

} // namespace p11::keymgmt
