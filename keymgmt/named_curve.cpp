// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/named_curve.h"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

#include "keymgmt/curve.h"
#include "keymgmt/public_key.h"
#include "ossl/ec_point.h"
#include "ossl/error_mark.h"
#include "ossl/secret.h"

namespace p11::keymgmt {
namespace {

using pkcs11::Attributes;
using pkcs11::Bytes;

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

Bytes publicValue(const Attributes& attributes, std::size_t size) {
    const auto point = attributes.bytes(CKA_EC_POINT);
    for (const auto& form : {std::optional(point), unwrapped(point), unwrappedBits(point)})
        if (form && form->size() == size)
            return *form;
    return {};
}

// By its OID (RFC 8410), or by its name.
Bytes paramsOf(KeyType type, const KeyPairMechanism& form) {
    const auto& curve = rowOf(type).curve;
    return form.curveByName ? printable(curve.name) : oidOf(curve.nid);
}

} // namespace

std::optional<KeyType> typeOfNamedCurve(const Attributes& attributes, const KeyFamily& family) {
    const auto params = attributes.bytes(CKA_EC_PARAMS);
    if (const auto type = typeOfCurve(curveOf(params)))
        return type;
    // Other OIDs are in use for the same curves; the size of the point decides.
    std::optional<KeyType> common;
    for (const auto& row : keyTypes) {
        if (row.family != &family)
            continue;
        if (!publicValue(attributes, row.curve.publicSize).empty())
            return row.type;
        if (!common)
            common = row.type;
    }
    return params.empty() ? std::nullopt : common;
}

ossl::Pkey publicKeyOnNamedCurve(const ossl::ProviderContext& context, KeyType type,
                                 const Attributes& attributes) {
    const auto value = publicValue(attributes, rowOf(type).curve.publicSize);
    return value.empty() ? nullptr : keyFromRaw(context, type, value);
}

void generateOnNamedCurve(KeyType type, const PairParameters&, const KeyPairMechanism& form,
                          PairTemplates& pair) {
    pair.publicValues.bytes(CKA_EC_PARAMS, paramsOf(type, form));
}

void storeOnNamedCurve(KeyType type, EVP_PKEY* key, const KeyPairMechanism& form,
                       PairTemplates& pair) {
    std::array<unsigned char, 64> point{};
    ossl::SecretBytes secret(64);
    std::size_t pointSize = point.size();
    std::size_t secretSize = secret.size();
    if (EVP_PKEY_get_raw_public_key(key, point.data(), &pointSize) != 1 ||
        EVP_PKEY_get_raw_private_key(key, secret.data(), &secretSize) != 1)
        refusePair("the key's values cannot be read");
    const auto params = paramsOf(type, form);
    pair.publicValues.bytes(CKA_EC_PARAMS, params)
        .bytes(CKA_EC_POINT, ossl::octetString(std::span(point).first(pointSize)));
    pair.privateValues.bytes(CKA_EC_PARAMS, params)
        .bytes(CKA_VALUE, secret.view().first(secretSize));
}

} // namespace p11::keymgmt
