// SPDX-License-Identifier: Apache-2.0
// What PKCS#11 3.0 and 3.2 add and p11-kit's header lacks, depending on its version: constants,
// interfaces, and functions at the end of the function list (PKCS#11 3.0, sections 2.3 and 3.6;
// OASIS's pkcs11t.h and pkcs11f.h of 3.2).
#pragma once

#include <p11-kit/pkcs11.h>

// Key types. Whether a key is ML-KEM-512, -768, -1024, or ML-DSA-44, -65, -87 is in
// CKA_PARAMETER_SET: 1 to 3.
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif
#ifndef CKK_HKDF
#define CKK_HKDF 0x42UL
#endif
#ifndef CKK_ML_KEM
#define CKK_ML_KEM 0x49UL
#endif
#ifndef CKK_ML_DSA
#define CKK_ML_DSA 0x4aUL
#endif

// Attributes.
#ifndef CKA_UNIQUE_ID
#define CKA_UNIQUE_ID 0x4UL
#endif
#ifndef CKA_PARAMETER_SET
#define CKA_PARAMETER_SET 0x61dUL
#endif

// Mechanisms. CKM_ML_KEM has no parameter; CKM_ML_DSA has SignAdditionalContext, or none.
#ifndef CKM_ML_KEM
#define CKM_ML_KEM 0x17UL
#endif
#ifndef CKM_ML_DSA
#define CKM_ML_DSA 0x1dUL
#endif
#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif
#ifndef CKM_SHA3_256_RSA_PKCS
#define CKM_SHA3_256_RSA_PKCS 0x60UL
#endif
#ifndef CKM_SHA3_384_RSA_PKCS
#define CKM_SHA3_384_RSA_PKCS 0x61UL
#endif
#ifndef CKM_SHA3_512_RSA_PKCS
#define CKM_SHA3_512_RSA_PKCS 0x62UL
#endif
#ifndef CKM_SHA3_256_RSA_PKCS_PSS
#define CKM_SHA3_256_RSA_PKCS_PSS 0x63UL
#endif
#ifndef CKM_SHA3_384_RSA_PKCS_PSS
#define CKM_SHA3_384_RSA_PKCS_PSS 0x64UL
#endif
#ifndef CKM_SHA3_512_RSA_PKCS_PSS
#define CKM_SHA3_512_RSA_PKCS_PSS 0x65UL
#endif
#ifndef CKM_SHA3_224_RSA_PKCS
#define CKM_SHA3_224_RSA_PKCS 0x66UL
#endif
#ifndef CKM_SHA3_224_RSA_PKCS_PSS
#define CKM_SHA3_224_RSA_PKCS_PSS 0x67UL
#endif
#ifndef CKM_SHA3_256
#define CKM_SHA3_256 0x2B0UL
#endif
#ifndef CKM_SHA3_224
#define CKM_SHA3_224 0x2B5UL
#endif
#ifndef CKM_SHA3_384
#define CKM_SHA3_384 0x2C0UL
#endif
#ifndef CKM_SHA3_512
#define CKM_SHA3_512 0x2D0UL
#endif
#ifndef CKM_ECDSA_SHA3_224
#define CKM_ECDSA_SHA3_224 0x1047UL
#endif
#ifndef CKM_ECDSA_SHA3_256
#define CKM_ECDSA_SHA3_256 0x1048UL
#endif
#ifndef CKM_ECDSA_SHA3_384
#define CKM_ECDSA_SHA3_384 0x1049UL
#endif
#ifndef CKM_ECDSA_SHA3_512
#define CKM_ECDSA_SHA3_512 0x104AUL
#endif

#ifndef CKM_HKDF_DERIVE
#define CKM_HKDF_DERIVE 0x402AUL
#define CKM_HKDF_DATA 0x402BUL
#endif
#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP 0x210BUL
#endif

// Mask generation functions.
#ifndef CKG_MGF1_SHA3_224
#define CKG_MGF1_SHA3_224 6UL
#endif
#ifndef CKG_MGF1_SHA3_256
#define CKG_MGF1_SHA3_256 7UL
#endif
#ifndef CKG_MGF1_SHA3_384
#define CKG_MGF1_SHA3_384 8UL
#endif
#ifndef CKG_MGF1_SHA3_512
#define CKG_MGF1_SHA3_512 9UL
#endif

// For C_MessageSignInit.
#ifndef CKF_MESSAGE_SIGN
#define CKF_MESSAGE_SIGN 0x8UL
#endif

// For SignAdditionalContext.
#ifndef CKH_HEDGE_PREFERRED
#define CKH_HEDGE_PREFERRED 0UL
#endif
#ifndef CKH_DETERMINISTIC_REQUIRED
#define CKH_DETERMINISTIC_REQUIRED 2UL
#endif

namespace p11::pkcs11 {

/// CK_SIGN_ADDITIONAL_CONTEXT.
struct SignAdditionalContext {
    CK_ULONG hedgeVariant = CKH_HEDGE_PREFERRED;
    CK_BYTE_PTR context = nullptr;
    CK_ULONG contextSize = 0;
};

// The values of HkdfParams::saltType.
#ifndef CKF_HKDF_SALT_NULL
#define CKF_HKDF_SALT_NULL 0x1UL
#define CKF_HKDF_SALT_DATA 0x2UL
#endif

/// CK_HKDF_PARAMS.
struct HkdfParams {
    CK_BBOOL extract = CK_TRUE;
    CK_BBOOL expand = CK_TRUE;
    CK_MECHANISM_TYPE hash = 0;
    CK_ULONG saltType = CKF_HKDF_SALT_NULL;
    CK_BYTE_PTR salt = nullptr;
    CK_ULONG saltSize = 0;
    CK_OBJECT_HANDLE saltKey = CK_INVALID_HANDLE;
    CK_BYTE_PTR info = nullptr;
    CK_ULONG infoSize = 0;
};

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

} // namespace p11::pkcs11
