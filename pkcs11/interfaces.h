// SPDX-License-Identifier: Apache-2.0
// What PKCS#11 3.0 and 3.2 add and p11-kit 0.24's header lacks: interfaces, and functions at the
// end of the function list (PKCS#11 3.0, section 3.6; pkcs11f.h of 3.2).
#pragma once

#include <p11-kit/pkcs11.h>

namespace pkcs11 {

/// CK_INTERFACE.
struct Interface {
    CK_UTF8CHAR* name;
    void* functions;
    CK_FLAGS flags;
};

using GetInterfaceList = CK_RV (*)(Interface*, CK_ULONG*);
using GetInterface = CK_RV (*)(CK_UTF8CHAR*, CK_VERSION*, Interface**, CK_FLAGS);

/// A flag of CK_MECHANISM_INFO: the mechanism is for C_MessageSignInit.
constexpr CK_FLAGS ckfMessageSign = 0x8;

/// CK_FUNCTION_LIST_3_0. It begins with the list of 2.40, so one type serves for both.
struct List30 : CK_FUNCTION_LIST {
    using Session = CK_SESSION_HANDLE;
    using MessageInit = CK_RV (*)(Session, CK_MECHANISM*, CK_OBJECT_HANDLE);
    using MessageFinal = CK_RV (*)(Session);
    // session, parameter, its size
    using MessageBegin = CK_RV (*)(Session, void*, CK_ULONG);
    // ... associated data, its size
    using CipherBegin = CK_RV (*)(Session, void*, CK_ULONG, CK_BYTE*, CK_ULONG);
    // ... associated data, input, output
    using CipherMessage = CK_RV (*)(Session, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*,
                                    CK_ULONG, CK_BYTE*, CK_ULONG*);
    // ... input, output, flags
    using CipherNext = CK_RV (*)(Session, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*,
                                 CK_FLAGS);
    // ... data, signature
    using SignMessage = CK_RV (*)(Session, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*,
                                  CK_ULONG*);
    using VerifyMessage = CK_RV (*)(Session, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*,
                                    CK_ULONG);

    GetInterfaceList C_GetInterfaceList;
    GetInterface C_GetInterface;
    CK_RV (*C_LoginUser)(Session, CK_USER_TYPE, CK_UTF8CHAR*, CK_ULONG, CK_UTF8CHAR*, CK_ULONG);
    CK_RV (*C_SessionCancel)(Session, CK_FLAGS);
    MessageInit C_MessageEncryptInit;
    CipherMessage C_EncryptMessage;
    CipherBegin C_EncryptMessageBegin;
    CipherNext C_EncryptMessageNext;
    MessageFinal C_MessageEncryptFinal;
    MessageInit C_MessageDecryptInit;
    CipherMessage C_DecryptMessage;
    CipherBegin C_DecryptMessageBegin;
    CipherNext C_DecryptMessageNext;
    MessageFinal C_MessageDecryptFinal;
    MessageInit C_MessageSignInit;
    SignMessage C_SignMessage;
    MessageBegin C_SignMessageBegin;
    SignMessage C_SignMessageNext;
    MessageFinal C_MessageSignFinal;
    MessageInit C_MessageVerifyInit;
    VerifyMessage C_VerifyMessage;
    MessageBegin C_VerifyMessageBegin;
    VerifyMessage C_VerifyMessageNext;
    MessageFinal C_MessageVerifyFinal;
};

/// The part of CK_FUNCTION_LIST_3_2 that is used here. Ten more functions follow.
struct List32 : List30 {
    // session, mechanism, key, template of the secret, its size, ciphertext, its size, secret
    using Encapsulate = CK_RV (*)(Session, CK_MECHANISM*, CK_OBJECT_HANDLE, CK_ATTRIBUTE*, CK_ULONG,
                                  CK_BYTE*, CK_ULONG*, CK_OBJECT_HANDLE*);
    using Decapsulate = CK_RV (*)(Session, CK_MECHANISM*, CK_OBJECT_HANDLE, CK_ATTRIBUTE*, CK_ULONG,
                                  CK_BYTE*, CK_ULONG, CK_OBJECT_HANDLE*);

    Encapsulate C_EncapsulateKey;
    Decapsulate C_DecapsulateKey;
};

// The version, and then nothing but function pointers.
static_assert(sizeof(CK_FUNCTION_LIST) == (1 + 68) * sizeof(void*));
static_assert(sizeof(List30) == (1 + 68 + 24) * sizeof(void*));
static_assert(sizeof(List32) == (1 + 68 + 24 + 2) * sizeof(void*));

/// The same list as one of 3.2; null if it is an older one.
inline const List32* asList32(const List30* list) {
    return list != nullptr && list->version.major == 3 && list->version.minor >= 2
               ? static_cast<const List32*>(list)
               : nullptr;
}

} // namespace pkcs11
