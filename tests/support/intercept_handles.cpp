// SPDX-License-Identifier: Apache-2.0
// Handles of objects that are valid only in the session that found or made the object.
#include <span>

#include "tests/support/module.h"
#include "tests/support/quirks.h"

namespace test_module {
namespace {

// The application's handle has the session in its upper half.
constexpr unsigned half = sizeof(CK_OBJECT_HANDLE) * 4;

CK_OBJECT_HANDLE outerOf(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    return has(Quirk::handlesPerSession) ? session << half | object : object;
}

// Changes `object` to the real module's, or answers `refusal`.
CK_RV translate(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE& object, CK_RV refusal) {
    if (!has(Quirk::handlesPerSession))
        return CKR_OK;
    if (object >> half != session)
        return refusal;
    object -= session << half;
    return CKR_OK;
}

CK_RV give(CK_SESSION_HANDLE session, CK_RV rv, std::span<CK_OBJECT_HANDLE> objects) {
    if (rv == CKR_OK)
        for (auto& object : objects)
            object = outerOf(session, object);
    return rv;
}

/// The function that was in the list before.
template <auto Member>
struct Before {
    static inline std::remove_reference_t<decltype(std::declval<FunctionList>().*Member)> function =
        nullptr;
};

template <auto Member, typename Function>
void replace(FunctionList& list, Function function) {
    if (list.*Member == nullptr || list.*Member == function)
        return;
    Before<Member>::function = list.*Member;
    list.*Member = function;
}

// The object is the second argument.
template <auto Member, typename... Rest>
CK_RV withObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, Rest... rest) {
    const CK_RV refusal = translate(session, object, CKR_OBJECT_HANDLE_INVALID);
    return refusal != CKR_OK ? refusal : Before<Member>::function(session, object, rest...);
}

template <auto Member>
CK_RV withKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    const CK_RV refusal = translate(session, key, CKR_KEY_HANDLE_INVALID);
    return refusal != CKR_OK ? refusal : Before<Member>::function(session, mechanism, key);
}

CK_RV deriveKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE base,
                CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* key) {
    if (const CK_RV refusal = translate(session, base, CKR_KEY_HANDLE_INVALID); refusal != CKR_OK)
        return refusal;
    const CK_RV rv = Before<&FunctionList::C_DeriveKey>::function(session, mechanism, base,
                                                                  attributes, count, key);
    return give(session, rv, {key, 1});
}

CK_RV findObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most,
                  CK_ULONG* count) {
    const CK_RV rv = Before<&FunctionList::C_FindObjects>::function(session, objects, most, count);
    return give(session, rv,
                rv == CKR_OK ? std::span(objects, *count) : std::span<CK_OBJECT_HANDLE>());
}

CK_RV createObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE* attributes, CK_ULONG count,
                   CK_OBJECT_HANDLE* object) {
    const CK_RV rv =
        Before<&FunctionList::C_CreateObject>::function(session, attributes, count, object);
    return give(session, rv, {object, 1});
}

CK_RV generateKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* attributes,
                  CK_ULONG count, CK_OBJECT_HANDLE* key) {
    const CK_RV rv =
        Before<&FunctionList::C_GenerateKey>::function(session, mechanism, attributes, count, key);
    return give(session, rv, {key, 1});
}

CK_RV generateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* publics,
                      CK_ULONG publicCount, CK_ATTRIBUTE* privates, CK_ULONG privateCount,
                      CK_OBJECT_HANDLE* publicKey, CK_OBJECT_HANDLE* privateKey) {
    const CK_RV rv = Before<&FunctionList::C_GenerateKeyPair>::function(
        session, mechanism, publics, publicCount, privates, privateCount, publicKey, privateKey);
    give(session, rv, {publicKey, 1});
    return give(session, rv, {privateKey, 1});
}

} // namespace

void interceptHandles(FunctionList& list) {
    using List = FunctionList;
    replace<&List::C_GetAttributeValue>(
        list, &withObject<&List::C_GetAttributeValue, CK_ATTRIBUTE*, CK_ULONG>);
    replace<&List::C_SetAttributeValue>(
        list, &withObject<&List::C_SetAttributeValue, CK_ATTRIBUTE*, CK_ULONG>);
    replace<&List::C_DestroyObject>(list, &withObject<&List::C_DestroyObject>);
    replace<&List::C_SignInit>(list, &withKey<&List::C_SignInit>);
    replace<&List::C_DecryptInit>(list, &withKey<&List::C_DecryptInit>);
    replace<&List::C_EncryptInit>(list, &withKey<&List::C_EncryptInit>);
    replace<&List::C_MessageSignInit>(list, &withKey<&List::C_MessageSignInit>);
    replace<&List::C_DeriveKey>(list, &deriveKey);
    replace<&List::C_FindObjects>(list, &findObjects);
    replace<&List::C_CreateObject>(list, &createObject);
    replace<&List::C_GenerateKey>(list, &generateKey);
    replace<&List::C_GenerateKeyPair>(list, &generateKeyPair);
}

} // namespace test_module
