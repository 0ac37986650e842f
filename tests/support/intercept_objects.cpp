// SPDX-License-Identifier: Apache-2.0
// The objects and attributes that the application sees.
#include <algorithm>
#include <vector>

#include "tests/support/config.h"
#include "tests/support/ec_point.h"
#include "tests/support/module.h"
#include "tests/support/quirks_objects.h"

namespace test_module {
namespace {

bool isHidden(const CK_ATTRIBUTE& attribute) {
    return contains(config().hiddenAttributes, attribute.type);
}

bool isChanged(const CK_ATTRIBUTE& attribute) {
    const bool point =
        attribute.type == CKA_EC_POINT && (config().rawEcPoint || config().compressEcPoint);
    return point || isOtherwiseThere(attribute.type);
}

/// Gives an attribute a value by the rules of C_GetAttributeValue.
CK_RV give(CK_ATTRIBUTE& attribute, const Bytes& value) {
    if (attribute.pValue != nullptr && attribute.ulValueLen < value.size()) {
        attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    attribute.ulValueLen = value.size();
    if (attribute.pValue != nullptr)
        std::ranges::copy(value, static_cast<unsigned char*>(attribute.pValue));
    return CKR_OK;
}

// The real module has the value in another form, of another size.
CK_RV readChanged(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE& attribute) {
    Bytes value(4096);
    CK_ATTRIBUTE real{attribute.type, value.data(), value.size()};
    CK_RV rv = test_module::real().C_GetAttributeValue(session, object, &real, 1);
    if (rv == CKR_OK && isMissing(session, object, attribute.type))
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv != CKR_OK) {
        attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return rv;
    }
    value.resize(real.ulValueLen);
    if (attribute.type == CKA_EC_POINT)
        value = changePoint(value, config().compressEcPoint, config().rawEcPoint);
    return give(attribute, inOtherWords(attribute.type, value));
}

CK_RV readSpecial(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE& attribute) {
    if (!isHidden(attribute))
        return readChanged(session, object, attribute);
    attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

// The other attributes are read in one call, as the application asked. One that fails does not
// spoil the rest (PKCS#11 2.40, C_GetAttributeValue).
CK_RV readSome(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
               CK_ULONG count) {
    CK_RV rv = CKR_OK;
    std::vector<CK_ATTRIBUTE> ordinary;
    ordinary.reserve(count);
    for (CK_ULONG i = 0; i < count; ++i)
        if (!isHidden(attributes[i]) && !isChanged(attributes[i]))
            ordinary.push_back(attributes[i]);
    if (!ordinary.empty())
        rv = real().C_GetAttributeValue(session, object, ordinary.data(), ordinary.size());
    auto read = ordinary.begin();
    for (CK_ULONG i = 0; i < count; ++i) {
        if (!isHidden(attributes[i]) && !isChanged(attributes[i])) {
            attributes[i].ulValueLen = (read++)->ulValueLen;
            continue;
        }
        const CK_RV special = readSpecial(session, object, attributes[i]);
        rv = rv == CKR_OK ? special : rv;
    }
    return rv;
}

void alwaysAuthenticate(CK_ATTRIBUTE* attributes, CK_ULONG count) {
    for (CK_ULONG i = 0; i < count; ++i) {
        const auto& attribute = attributes[i];
        if (attribute.type == CKA_ALWAYS_AUTHENTICATE && attribute.pValue != nullptr &&
            attribute.ulValueLen == sizeof(CK_BBOOL))
            *static_cast<CK_BBOOL*>(attribute.pValue) = CK_TRUE;
    }
}

void tellValueSize(CK_ATTRIBUTE* attributes, CK_ULONG count) {
    for (CK_ULONG i = 0; i < count; ++i)
        if (attributes[i].type == CKA_VALUE)
            attributes[i].ulValueLen = config().valueSize.value_or(attributes[i].ulValueLen);
}

CK_RV getAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE* attributes, CK_ULONG count) {
    for (CK_ULONG i = 0; attributes != nullptr && i < count; ++i)
        if (contains(config().refusedAttributes, attributes[i].type))
            return CKR_GENERAL_ERROR; // for the whole template, as some modules do
    if (attributes != nullptr && has(Quirk::lengthUntouched))
        return readWithoutLengths(session, object, attributes, count);
    if (attributes != nullptr && hidesUnknown())
        return readUntilUnknown(session, object, attributes, count);
    const bool special = attributes != nullptr &&
                         std::any_of(attributes, attributes + count,
                                     [](const auto& a) { return isHidden(a) || isChanged(a); });
    const CK_RV rv = special ? readSome(session, object, attributes, count)
                             : real().C_GetAttributeValue(session, object, attributes, count);
    if (config().alwaysAuthenticate && attributes != nullptr)
        alwaysAuthenticate(attributes, count);
    if (attributes != nullptr)
        tellValueSize(attributes, count);
    return rv;
}

CK_RV findObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE* filter, CK_ULONG count) {
    if (filter != nullptr && std::any_of(filter, filter + count, isHidden))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (has(Quirk::ignoreTemplate))
        return real().C_FindObjectsInit(session, nullptr, 0);
    if (has(Quirk::namesEndInNul))
        return findByLongerLabel(session, filter, count);
    return real().C_FindObjectsInit(session, filter, count);
}

bool isOfHiddenClass(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    CK_OBJECT_CLASS type = 0;
    CK_ATTRIBUTE attribute{CKA_CLASS, &type, sizeof type};
    return real().C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK &&
           contains(config().hiddenClasses, type);
}

// Asks until the application has as many as it wanted, because fewer would mean the end.
CK_RV findObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most,
                  CK_ULONG* count) {
    if (objects != nullptr && count != nullptr && findsOddly())
        return findOddly(session, objects, most, count);
    if (config().hiddenClasses.empty() || objects == nullptr || count == nullptr)
        return real().C_FindObjects(session, objects, most, count);
    CK_ULONG found = 0;
    while (found < most) {
        CK_ULONG more = 0;
        auto* place = objects + found;
        const CK_RV rv = real().C_FindObjects(session, place, most - found, &more);
        if (rv != CKR_OK)
            return rv;
        if (more == 0)
            break;
        auto* end = std::remove_if(place, place + more, [&](CK_OBJECT_HANDLE object) {
            return isOfHiddenClass(session, object);
        });
        found += static_cast<CK_ULONG>(end - place);
    }
    *count = found;
    return CKR_OK;
}

} // namespace

void interceptObjects(FunctionList& list) {
    list.C_GetAttributeValue = getAttributeValue;
    list.C_FindObjectsInit = findObjectsInit;
    list.C_FindObjects = findObjects;
}

} // namespace test_module
