// SPDX-License-Identifier: Apache-2.0
// Names of the C_ functions this project calls, for messages and traces.
#pragma once

#include <string_view>

#include <p11-kit/pkcs11.h>

#include "pkcs11/cryptoki.h"

namespace p11::pkcs11 {

using List = CK_FUNCTION_LIST;

template <auto Member>
inline constexpr const char* functionName = "C_?";

template <>
inline constexpr const char* functionName<&List::C_Initialize> = "C_Initialize";
template <>
inline constexpr const char* functionName<&List::C_Finalize> = "C_Finalize";
template <>
inline constexpr const char* functionName<&List::C_GetInfo> = "C_GetInfo";
template <>
inline constexpr const char* functionName<&List::C_GetSlotList> = "C_GetSlotList";
template <>
inline constexpr const char* functionName<&List::C_GetSlotInfo> = "C_GetSlotInfo";
template <>
inline constexpr const char* functionName<&List::C_GetTokenInfo> = "C_GetTokenInfo";
template <>
inline constexpr const char* functionName<&List::C_GetMechanismList> = "C_GetMechanismList";
template <>
inline constexpr const char* functionName<&List::C_GetMechanismInfo> = "C_GetMechanismInfo";
template <>
inline constexpr const char* functionName<&List::C_OpenSession> = "C_OpenSession";
template <>
inline constexpr const char* functionName<&List::C_CloseSession> = "C_CloseSession";
template <>
inline constexpr const char* functionName<&List::C_GetSessionInfo> = "C_GetSessionInfo";
template <>
inline constexpr const char* functionName<&List::C_CloseAllSessions> = "C_CloseAllSessions";
template <>
inline constexpr const char* functionName<&List::C_Login> = "C_Login";
template <>
inline constexpr const char* functionName<&List::C_Logout> = "C_Logout";
template <>
inline constexpr const char* functionName<&List::C_FindObjectsInit> = "C_FindObjectsInit";
template <>
inline constexpr const char* functionName<&List::C_FindObjects> = "C_FindObjects";
template <>
inline constexpr const char* functionName<&List::C_FindObjectsFinal> = "C_FindObjectsFinal";
template <>
inline constexpr const char* functionName<&List::C_GetAttributeValue> = "C_GetAttributeValue";
template <>
inline constexpr const char* functionName<&List::C_SignInit> = "C_SignInit";
template <>
inline constexpr const char* functionName<&List::C_Sign> = "C_Sign";
template <>
inline constexpr const char* functionName<&List::C_DecryptInit> = "C_DecryptInit";
template <>
inline constexpr const char* functionName<&List::C_Decrypt> = "C_Decrypt";
template <>
inline constexpr const char* functionName<&List::C_EncryptInit> = "C_EncryptInit";
template <>
inline constexpr const char* functionName<&List::C_Encrypt> = "C_Encrypt";
template <>
inline constexpr const char* functionName<&List::C_GenerateKey> = "C_GenerateKey";
template <>
inline constexpr const char* functionName<&List::C_WrapKey> = "C_WrapKey";
template <>
inline constexpr const char* functionName<&List::C_UnwrapKey> = "C_UnwrapKey";
template <>
inline constexpr const char* functionName<&List::C_DeriveKey> = "C_DeriveKey";
template <>
inline constexpr const char* functionName<&List::C_GenerateKeyPair> = "C_GenerateKeyPair";
template <>
inline constexpr const char* functionName<&List::C_CreateObject> = "C_CreateObject";
template <>
inline constexpr const char* functionName<&List::C_CopyObject> = "C_CopyObject";
template <>
inline constexpr const char* functionName<&List::C_DestroyObject> = "C_DestroyObject";
template <>
inline constexpr const char* functionName<&List::C_GenerateRandom> = "C_GenerateRandom";
template <>
inline constexpr const char* functionName<&List::C_DigestInit> = "C_DigestInit";
template <>
inline constexpr const char* functionName<&List::C_Digest> = "C_Digest";
template <>
inline constexpr const char* functionName<&List::C_DigestUpdate> = "C_DigestUpdate";
template <>
inline constexpr const char* functionName<&List::C_DigestFinal> = "C_DigestFinal";
template <>
inline constexpr const char* functionName<&List::C_GetOperationState> = "C_GetOperationState";
template <>
inline constexpr const char* functionName<&List::C_SetOperationState> = "C_SetOperationState";

template <>
inline constexpr const char* functionName<&List30::C_MessageSignInit> = "C_MessageSignInit";
template <>
inline constexpr const char* functionName<&List30::C_SignMessage> = "C_SignMessage";
template <>
inline constexpr const char* functionName<&List30::C_MessageSignFinal> = "C_MessageSignFinal";

template <>
inline constexpr const char* functionName<&List32::C_DecapsulateKey> = "C_DecapsulateKey";

/// True if the function's result and time may tell whether somebody's ciphertext was well padded.
inline bool isSecret(std::string_view function) {
    return function == functionName<&List::C_Decrypt>;
}

} // namespace p11::pkcs11
