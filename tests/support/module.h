// SPDX-License-Identifier: Apache-2.0
// The real module, and the interceptors between it and the application.
#pragma once

#include <optional>

#include "tests/support/functions.h"

namespace test_module {

/// The real module's functions. Those it does not have are null.
const FunctionList& real();

/// The functions to which calls are passed on: the interceptors, or else the real module's.
const FunctionList& inner();

/// Loads the real module at the first call. CKR_OK if there is one.
CK_RV loadTarget();

/// Each puts its interceptors into the list.
void interceptModule(FunctionList& list);     // C_Initialize ... C_GetInterface
void interceptSlots(FunctionList& list);      // C_GetTokenInfo, C_GetMechanismList ...
void interceptSessions(FunctionList& list);   // C_OpenSession, C_Login ...
void interceptObjects(FunctionList& list);    // C_FindObjects, C_GetAttributeValue ...
void interceptMessages(FunctionList& list);   // C_MessageSignInit ...
void interceptOperations(FunctionList& list); // C_SignInit, C_Sign ...
void interceptDecryption(FunctionList& list); // C_DecryptInit, C_Decrypt; after interceptOperations
void interceptEddsa(FunctionList& list);      // C_SignInit, C_Sign; after interceptOperations
void interceptPadding(FunctionList& list);    // C_SignInit, C_Decrypt ...; after those above
void beStrict(FunctionList& list);            // C_SignInit, C_DeriveKey ...; after all those
void interceptHandles(FunctionList& list);    // all that take or give objects; after all others

/// True if it was built with valgrind's header, without which nothing can be marked.
bool canMark();

/// C_Decrypt answers `rv` and `size` with the bytes at `data`, without the real module. Null: no
/// longer.
void answerDecrypt(CK_RV rv, const unsigned char* data, CK_ULONG size);

/// Makes a variant of EdDSA (RFC 8032), as C_Sign answers it.
using SignVariant = CK_RV(CK_BBOOL prehash, const unsigned char* context, CK_ULONG contextSize,
                          const unsigned char* data, CK_ULONG size, unsigned char* signature,
                          CK_ULONG* signatureSize);
/// C_Sign answers with `function` where the parameters of CKM_EDDSA ask for a variant. Null: no
/// longer.
void answerEddsa(SignVariant* function);

/// Signs a hash with PSS, and decrypts OAEP, as C_Sign and C_Decrypt answer it.
using SignPss = CK_RV(const CK_RSA_PKCS_PSS_PARAMS* params, const unsigned char* data,
                      CK_ULONG size, unsigned char* signature, CK_ULONG* signatureSize);
using DecryptOaep = CK_RV(const CK_RSA_PKCS_OAEP_PARAMS* params, const unsigned char* data,
                          CK_ULONG size, unsigned char* out, CK_ULONG* outSize);
/// C_Sign and C_Decrypt answer with these functions where the hash is SHA-3, which is listed as a
/// digest where `isListed`. Null: no longer.
void answerSha3(SignPss* signFunction, DecryptOaep* decryptFunction, bool isListed);

/// Starts as if nobody had asked for slots.
void forgetSlots();

/// Frees what the messages' interceptors hold.
void releaseMessages();
/// The same of EdDSA's.
void releaseEddsa();
/// The same of PSS and OAEP.
void releasePadding();

/// Ends the operation that a call of the function would have ended, for calls that fail without
/// being passed on. In real modules the operation is over then.
void endOperation(FunctionId id, CK_SESSION_HANDLE session);

} // namespace test_module
