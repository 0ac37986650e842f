// SPDX-License-Identifier: Apache-2.0
// Objects and attributes, as other modules give them.
#pragma once

#include <vector>

#include <p11-kit/pkcs11.h>

namespace test_module {

/// True if an attribute that the real module does not know spoils more than itself.
bool hidesUnknown();
/// C_GetAttributeValue that gives a value's length only if there is no room for the value.
CK_RV readWithoutLengths(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE* attributes, CK_ULONG count);
/// C_GetAttributeValue as it is then.
CK_RV readUntilUnknown(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                       CK_ULONG count);

/// True if C_FindObjects gives fewer than it could, or some twice.
bool findsOddly();
/// C_FindObjects as it is then.
CK_RV findOddly(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most,
                CK_ULONG* count);

/// True if objects have the attribute in another form than in the real module, or not at all.
bool isOtherwiseThere(CK_ATTRIBUTE_TYPE type);
/// True if `object` has none of the type.
bool isMissing(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/// The form that the quirks give to the real module's `value`.
std::vector<unsigned char> inOtherWords(CK_ATTRIBUTE_TYPE type, std::vector<unsigned char> value);

/// C_FindObjectsInit where each label has a NUL at its end.
CK_RV findByLongerLabel(CK_SESSION_HANDLE session, const CK_ATTRIBUTE* filter, CK_ULONG count);

} // namespace test_module
