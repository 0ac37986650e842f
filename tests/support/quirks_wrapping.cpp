// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quirks_wrapping.h"

#include <vector>

#include "tests/support/module.h"
#include "tests/support/quirks.h"

namespace test_module {
namespace {

constexpr CK_ULONG semiblock = 8;
constexpr CK_ULONG longest = 4096;

bool padsOtherwise(const CK_MECHANISM& mechanism) {
    return mechanism.mechanism == CKM_AES_KEY_WRAP_PAD && has(Quirk::pkcs7KeyWrap);
}

CK_RV valueOf(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, std::vector<CK_BYTE>& value) {
    value.resize(longest);
    CK_ATTRIBUTE attribute{CKA_VALUE, value.data(), value.size()};
    const CK_RV rv = real().C_GetAttributeValue(session, key, &attribute, 1);
    value.resize(rv == CKR_OK ? attribute.ulValueLen : 0);
    return rv;
}

CK_RV create(CK_SESSION_HANDLE session, std::vector<CK_ATTRIBUTE> attributes,
             std::vector<CK_BYTE>& value, CK_OBJECT_HANDLE* key) {
    attributes.push_back({CKA_VALUE, value.data(), value.size()});
    return real().C_CreateObject(session, attributes.data(), attributes.size(), key);
}

} // namespace

CK_RV wrapKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE wrapping,
              CK_OBJECT_HANDLE key, CK_BYTE* wrapped, CK_ULONG* size) {
    if (!padsOtherwise(*mechanism))
        return real().C_WrapKey(session, mechanism, wrapping, key, wrapped, size);
    std::vector<CK_BYTE> value;
    if (const CK_RV rv = valueOf(session, key, value); rv != CKR_OK)
        return rv;
    const auto padding = semiblock - value.size() % semiblock;
    value.insert(value.end(), padding, static_cast<CK_BYTE>(padding));
    CK_OBJECT_CLASS type = CKO_SECRET_KEY;
    CK_KEY_TYPE keyType = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE padded = CK_INVALID_HANDLE;
    CK_RV rv = create(session,
                      {{CKA_CLASS, &type, sizeof type},
                       {CKA_KEY_TYPE, &keyType, sizeof keyType},
                       {CKA_EXTRACTABLE, &yes, sizeof yes}},
                      value, &padded);
    if (rv != CKR_OK)
        return rv;
    CK_MECHANISM plain{CKM_AES_KEY_WRAP, nullptr, 0};
    rv = real().C_WrapKey(session, &plain, wrapping, padded, wrapped, size);
    real().C_DestroyObject(session, padded);
    return rv;
}

CK_RV unwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE unwrapping,
                CK_BYTE* wrapped, CK_ULONG size, CK_ATTRIBUTE* attributes, CK_ULONG count,
                CK_OBJECT_HANDLE* key) {
    if (!padsOtherwise(*mechanism))
        return real().C_UnwrapKey(session, mechanism, unwrapping, wrapped, size, attributes, count,
                                  key);
    CK_MECHANISM plain{CKM_AES_KEY_WRAP, nullptr, 0};
    CK_OBJECT_HANDLE padded = CK_INVALID_HANDLE;
    CK_RV rv =
        real().C_UnwrapKey(session, &plain, unwrapping, wrapped, size, attributes, count, &padded);
    if (rv != CKR_OK)
        return rv;
    std::vector<CK_BYTE> value;
    rv = valueOf(session, padded, value);
    real().C_DestroyObject(session, padded);
    if (rv != CKR_OK || value.empty() || value.back() > semiblock)
        return CKR_WRAPPED_KEY_INVALID;
    value.resize(value.size() - value.back());
    return create(session, {attributes, attributes + count}, value, key);
}

} // namespace test_module
