// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quirks_objects.h"

#include <algorithm>
#include <string_view>

#include "tests/support/module.h"
#include "tests/support/quirks.h"

namespace test_module {
namespace {

bool isUnknown(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    CK_ATTRIBUTE sizeOnly{type, nullptr, 0};
    return real().C_GetAttributeValue(session, object, &sizeOnly, 1) == CKR_ATTRIBUTE_TYPE_INVALID;
}

using Bytes = std::vector<unsigned char>;

CK_ULONG classOf(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    CK_OBJECT_CLASS type = 0;
    CK_ATTRIBUTE attribute{CKA_CLASS, &type, sizeof type};
    real().C_GetAttributeValue(session, object, &attribute, 1);
    return type;
}

// The names that PKCS#11 3.0, section 2.3.3, permits in place of OIDs.
Bytes nameOfCurve(const Bytes& oid) {
    struct Curve {
        std::string_view oid;
        std::string_view name;
    };
    constexpr Curve curves[] = {{{"\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07", 10}, "secp256r1"},
                                {{"\x06\x05\x2B\x81\x04\x00\x22", 7}, "P-384"},
                                {{"\x06\x05\x2B\x81\x04\x00\x23", 7}, "secp521r1"}};
    for (const auto& curve : curves)
        if (std::ranges::equal(oid, curve.oid, {}, {},
                               [](char c) { return static_cast<unsigned char>(c); })) {
            Bytes text{0x13, static_cast<unsigned char>(curve.name.size())};
            text.insert(text.end(), curve.name.begin(), curve.name.end());
            return text;
        }
    return oid;
}

} // namespace

bool isOtherwiseThere(CK_ATTRIBUTE_TYPE type) {
    return (type == CKA_LABEL && has(Quirk::namesEndInNul)) ||
           (type == CKA_EC_PARAMS && has(Quirk::curveNames)) ||
           (type == CKA_MODULUS && has(Quirk::noPrivateModulus));
}

bool isMissing(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    return type == CKA_MODULUS && has(Quirk::noPrivateModulus) &&
           classOf(session, object) == CKO_PRIVATE_KEY;
}

Bytes inOtherWords(CK_ATTRIBUTE_TYPE type, Bytes value) {
    if (type == CKA_LABEL && has(Quirk::namesEndInNul))
        value.push_back(0);
    return type == CKA_EC_PARAMS && has(Quirk::curveNames) ? nameOfCurve(value) : value;
}

CK_RV findByLongerLabel(CK_SESSION_HANDLE session, const CK_ATTRIBUTE* filter, CK_ULONG count) {
    std::vector<CK_ATTRIBUTE> changed(filter, filter + count);
    static CK_OBJECT_CLASS none = CK_UNAVAILABLE_INFORMATION;
    for (auto& attribute : changed) {
        if (attribute.type != CKA_LABEL)
            continue;
        const auto* text = static_cast<const char*>(attribute.pValue);
        if (attribute.ulValueLen > 0 && text[attribute.ulValueLen - 1] == 0)
            --attribute.ulValueLen;
        else
            attribute = {CKA_CLASS, &none, sizeof none};
    }
    return real().C_FindObjectsInit(session, changed.data(), changed.size());
}

namespace {

CK_RV errorForUnknown() {
    if (has(Quirk::deviceErrorForUnknown))
        return CKR_DEVICE_ERROR;
    if (has(Quirk::generalErrorForUnknown))
        return CKR_GENERAL_ERROR;
    return has(Quirk::vendorErrorForUnknown) ? 0x81000001 : CKR_ATTRIBUTE_TYPE_INVALID;
}

} // namespace

bool hidesUnknown() {
    return has(Quirk::stopAtUnknownAttribute) || has(Quirk::refuseUnknownAttributes) ||
           errorForUnknown() != CKR_ATTRIBUTE_TYPE_INVALID;
}

CK_RV readWithoutLengths(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE* attributes, CK_ULONG count) {
    const std::vector<CK_ATTRIBUTE> given(attributes, attributes + count);
    const CK_RV rv = real().C_GetAttributeValue(session, object, attributes, count);
    for (CK_ULONG i = 0; i < count; ++i)
        if (given[i].pValue != nullptr && attributes[i].ulValueLen != CK_UNAVAILABLE_INFORMATION)
            attributes[i].ulValueLen = given[i].ulValueLen;
    return rv;
}

CK_RV readUntilUnknown(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                       CK_ULONG count) {
    auto* const end = attributes + count;
    auto* const unknown = std::find_if(attributes, end, [&](const CK_ATTRIBUTE& attribute) {
        return isUnknown(session, object, attribute.type);
    });
    if (unknown == end)
        return real().C_GetAttributeValue(session, object, attributes, count);
    if (has(Quirk::stopAtUnknownAttribute)) {
        real().C_GetAttributeValue(session, object, attributes,
                                   static_cast<CK_ULONG>(unknown - attributes));
        unknown->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    }
    return errorForUnknown();
}

bool findsOddly() {
    return has(Quirk::findOneAtATime) || has(Quirk::findTwice);
}

CK_RV findOddly(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most,
                CK_ULONG* count) {
    const CK_RV rv = real().C_FindObjects(session, objects, std::min<CK_ULONG>(most, 1), count);
    if (rv == CKR_OK && *count == 1 && most > 1 && has(Quirk::findTwice))
        objects[(*count)++] = objects[0];
    return rv;
}

} // namespace test_module
