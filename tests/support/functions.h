// SPDX-License-Identifier: Apache-2.0
// The one table of PKCS#11's functions: member of the list, name, and what its first argument is.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pkcs11/cryptoki.h"

namespace test_module {

using FunctionList = p11::pkcs11::List30;
using p11::pkcs11::GetInterface;
using p11::pkcs11::Interface;

/// What a function's first argument is (slot, session), and whether the key is used (crypto).
enum class Kind { general, slot, session, crypto };

template <typename Member>
struct Function {
    Member member;
    const char* name;
    Kind kind;
};

template <typename Member>
Function(Member, const char*, Kind) -> Function<Member>;

inline constexpr std::tuple functions{
    Function{&FunctionList::C_Initialize, "C_Initialize", Kind::general},
    Function{&FunctionList::C_Finalize, "C_Finalize", Kind::general},
    Function{&FunctionList::C_GetInfo, "C_GetInfo", Kind::general},
    Function{&FunctionList::C_GetFunctionList, "C_GetFunctionList", Kind::general},
    Function{&FunctionList::C_GetSlotList, "C_GetSlotList", Kind::general},
    Function{&FunctionList::C_GetSlotInfo, "C_GetSlotInfo", Kind::slot},
    Function{&FunctionList::C_GetTokenInfo, "C_GetTokenInfo", Kind::slot},
    Function{&FunctionList::C_GetMechanismList, "C_GetMechanismList", Kind::slot},
    Function{&FunctionList::C_GetMechanismInfo, "C_GetMechanismInfo", Kind::slot},
    Function{&FunctionList::C_InitToken, "C_InitToken", Kind::slot},
    Function{&FunctionList::C_InitPIN, "C_InitPIN", Kind::session},
    Function{&FunctionList::C_SetPIN, "C_SetPIN", Kind::session},
    Function{&FunctionList::C_OpenSession, "C_OpenSession", Kind::slot},
    Function{&FunctionList::C_CloseSession, "C_CloseSession", Kind::session},
    Function{&FunctionList::C_CloseAllSessions, "C_CloseAllSessions", Kind::slot},
    Function{&FunctionList::C_GetSessionInfo, "C_GetSessionInfo", Kind::session},
    Function{&FunctionList::C_GetOperationState, "C_GetOperationState", Kind::session},
    Function{&FunctionList::C_SetOperationState, "C_SetOperationState", Kind::session},
    Function{&FunctionList::C_Login, "C_Login", Kind::session},
    Function{&FunctionList::C_Logout, "C_Logout", Kind::session},
    Function{&FunctionList::C_CreateObject, "C_CreateObject", Kind::session},
    Function{&FunctionList::C_CopyObject, "C_CopyObject", Kind::session},
    Function{&FunctionList::C_DestroyObject, "C_DestroyObject", Kind::session},
    Function{&FunctionList::C_GetObjectSize, "C_GetObjectSize", Kind::session},
    Function{&FunctionList::C_GetAttributeValue, "C_GetAttributeValue", Kind::session},
    Function{&FunctionList::C_SetAttributeValue, "C_SetAttributeValue", Kind::session},
    Function{&FunctionList::C_FindObjectsInit, "C_FindObjectsInit", Kind::session},
    Function{&FunctionList::C_FindObjects, "C_FindObjects", Kind::session},
    Function{&FunctionList::C_FindObjectsFinal, "C_FindObjectsFinal", Kind::session},
    Function{&FunctionList::C_EncryptInit, "C_EncryptInit", Kind::session},
    Function{&FunctionList::C_Encrypt, "C_Encrypt", Kind::crypto},
    Function{&FunctionList::C_EncryptUpdate, "C_EncryptUpdate", Kind::crypto},
    Function{&FunctionList::C_EncryptFinal, "C_EncryptFinal", Kind::crypto},
    Function{&FunctionList::C_DecryptInit, "C_DecryptInit", Kind::session},
    Function{&FunctionList::C_Decrypt, "C_Decrypt", Kind::crypto},
    Function{&FunctionList::C_DecryptUpdate, "C_DecryptUpdate", Kind::crypto},
    Function{&FunctionList::C_DecryptFinal, "C_DecryptFinal", Kind::crypto},
    Function{&FunctionList::C_DigestInit, "C_DigestInit", Kind::session},
    Function{&FunctionList::C_Digest, "C_Digest", Kind::crypto},
    Function{&FunctionList::C_DigestUpdate, "C_DigestUpdate", Kind::crypto},
    Function{&FunctionList::C_DigestKey, "C_DigestKey", Kind::crypto},
    Function{&FunctionList::C_DigestFinal, "C_DigestFinal", Kind::crypto},
    Function{&FunctionList::C_SignInit, "C_SignInit", Kind::session},
    Function{&FunctionList::C_Sign, "C_Sign", Kind::crypto},
    Function{&FunctionList::C_SignUpdate, "C_SignUpdate", Kind::crypto},
    Function{&FunctionList::C_SignFinal, "C_SignFinal", Kind::crypto},
    Function{&FunctionList::C_SignRecoverInit, "C_SignRecoverInit", Kind::session},
    Function{&FunctionList::C_SignRecover, "C_SignRecover", Kind::crypto},
    Function{&FunctionList::C_VerifyInit, "C_VerifyInit", Kind::session},
    Function{&FunctionList::C_Verify, "C_Verify", Kind::crypto},
    Function{&FunctionList::C_VerifyUpdate, "C_VerifyUpdate", Kind::crypto},
    Function{&FunctionList::C_VerifyFinal, "C_VerifyFinal", Kind::crypto},
    Function{&FunctionList::C_VerifyRecoverInit, "C_VerifyRecoverInit", Kind::session},
    Function{&FunctionList::C_VerifyRecover, "C_VerifyRecover", Kind::crypto},
    Function{&FunctionList::C_DigestEncryptUpdate, "C_DigestEncryptUpdate", Kind::crypto},
    Function{&FunctionList::C_DecryptDigestUpdate, "C_DecryptDigestUpdate", Kind::crypto},
    Function{&FunctionList::C_SignEncryptUpdate, "C_SignEncryptUpdate", Kind::crypto},
    Function{&FunctionList::C_DecryptVerifyUpdate, "C_DecryptVerifyUpdate", Kind::crypto},
    Function{&FunctionList::C_GenerateKey, "C_GenerateKey", Kind::crypto},
    Function{&FunctionList::C_GenerateKeyPair, "C_GenerateKeyPair", Kind::crypto},
    Function{&FunctionList::C_WrapKey, "C_WrapKey", Kind::crypto},
    Function{&FunctionList::C_UnwrapKey, "C_UnwrapKey", Kind::crypto},
    Function{&FunctionList::C_DeriveKey, "C_DeriveKey", Kind::crypto},
    Function{&FunctionList::C_SeedRandom, "C_SeedRandom", Kind::session},
    Function{&FunctionList::C_GenerateRandom, "C_GenerateRandom", Kind::crypto},
    Function{&FunctionList::C_GetFunctionStatus, "C_GetFunctionStatus", Kind::session},
    Function{&FunctionList::C_CancelFunction, "C_CancelFunction", Kind::session},
    Function{&FunctionList::C_WaitForSlotEvent, "C_WaitForSlotEvent", Kind::general},
    Function{&FunctionList::C_GetInterfaceList, "C_GetInterfaceList", Kind::general},
    Function{&FunctionList::C_GetInterface, "C_GetInterface", Kind::general},
    Function{&FunctionList::C_LoginUser, "C_LoginUser", Kind::session},
    Function{&FunctionList::C_SessionCancel, "C_SessionCancel", Kind::session},
    Function{&FunctionList::C_MessageEncryptInit, "C_MessageEncryptInit", Kind::session},
    Function{&FunctionList::C_EncryptMessage, "C_EncryptMessage", Kind::crypto},
    Function{&FunctionList::C_EncryptMessageBegin, "C_EncryptMessageBegin", Kind::crypto},
    Function{&FunctionList::C_EncryptMessageNext, "C_EncryptMessageNext", Kind::crypto},
    Function{&FunctionList::C_MessageEncryptFinal, "C_MessageEncryptFinal", Kind::crypto},
    Function{&FunctionList::C_MessageDecryptInit, "C_MessageDecryptInit", Kind::session},
    Function{&FunctionList::C_DecryptMessage, "C_DecryptMessage", Kind::crypto},
    Function{&FunctionList::C_DecryptMessageBegin, "C_DecryptMessageBegin", Kind::crypto},
    Function{&FunctionList::C_DecryptMessageNext, "C_DecryptMessageNext", Kind::crypto},
    Function{&FunctionList::C_MessageDecryptFinal, "C_MessageDecryptFinal", Kind::crypto},
    Function{&FunctionList::C_MessageSignInit, "C_MessageSignInit", Kind::session},
    Function{&FunctionList::C_SignMessage, "C_SignMessage", Kind::crypto},
    Function{&FunctionList::C_SignMessageBegin, "C_SignMessageBegin", Kind::crypto},
    Function{&FunctionList::C_SignMessageNext, "C_SignMessageNext", Kind::crypto},
    Function{&FunctionList::C_MessageSignFinal, "C_MessageSignFinal", Kind::crypto},
    Function{&FunctionList::C_MessageVerifyInit, "C_MessageVerifyInit", Kind::session},
    Function{&FunctionList::C_VerifyMessage, "C_VerifyMessage", Kind::crypto},
    Function{&FunctionList::C_VerifyMessageBegin, "C_VerifyMessageBegin", Kind::crypto},
    Function{&FunctionList::C_VerifyMessageNext, "C_VerifyMessageNext", Kind::crypto},
    Function{&FunctionList::C_MessageVerifyFinal, "C_MessageVerifyFinal", Kind::crypto},
};

inline constexpr std::size_t functionCount = std::tuple_size_v<decltype(functions)>;

/// Position in the table.
using FunctionId = std::size_t;

inline constexpr auto functionNames =
    std::apply([](const auto&... function) { return std::array{function.name...}; }, functions);

inline constexpr auto functionKinds =
    std::apply([](const auto&... function) { return std::array{function.kind...}; }, functions);

/// The position of &FunctionList::C_Sign, at compile time.
template <auto Member>
consteval FunctionId idOf() {
    FunctionId id = 0;
    const auto differs = [](const auto& function) {
        if constexpr (std::is_same_v<decltype(function.member), decltype(Member)>)
            return function.member != Member;
        else
            return true;
    };
    std::apply([&](const auto&... function) { (void)((differs(function) && ++id != 0) && ...); },
               functions);
    return id;
}

inline std::optional<FunctionId> findFunction(std::string_view name) {
    for (FunctionId id = 0; id < functionCount; ++id)
        if (functionNames[id] == name)
            return id;
    return std::nullopt;
}

} // namespace test_module
