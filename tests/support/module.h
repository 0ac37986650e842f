// SPDX-License-Identifier: Apache-2.0
// The real module, and the interceptors between it and the application.
#pragma once

#include <optional>

#include "tests/support/functions.h"

namespace test_module {

/// The real module's functions. Those it does not have are null.
const FunctionList& real();

/// What calls are passed on to: the interceptors, and the real module's functions otherwise.
const FunctionList& inner();

/// CKR_OK if there is a real module behind us; loads it at the first time.
CK_RV loadTarget();

/// Each puts its interceptors in.
void interceptModule(FunctionList& list);     // C_Initialize ... C_GetInterface
void interceptSlots(FunctionList& list);      // C_GetTokenInfo, C_GetMechanismList ...
void interceptSessions(FunctionList& list);   // C_OpenSession, C_Login ...
void interceptObjects(FunctionList& list);    // C_FindObjects, C_GetAttributeValue ...
void interceptMessages(FunctionList& list);   // C_MessageSignInit ...
void interceptOperations(FunctionList& list); // C_SignInit, C_Sign ...
void interceptDecryption(FunctionList& list); // C_DecryptInit, C_Decrypt; after interceptOperations
void beStrict(FunctionList& list);            // C_SignInit, C_DeriveKey ...; after all those
void interceptHandles(FunctionList& list);    // all that take or give objects; after all others

/// True if it was built with valgrind's header, without which nothing can be marked.
bool canMark();

/// Has C_Decrypt answer `rv` and `size` with the bytes at `data`, by itself; null: no longer.
void answerDecrypt(CK_RV rv, const unsigned char* data, CK_ULONG size);

/// Begins as if nobody had asked for slots.
void forgetSlots();

/// Frees what the messages' interceptors hold.
void releaseMessages();

/// Ends the operation that a call of the function would have ended. For calls that fail without
/// being passed on: an operation is over then, in real modules.
void endOperation(FunctionId id, CK_SESSION_HANDLE session);

} // namespace test_module
