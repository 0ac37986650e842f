// SPDX-License-Identifier: Apache-2.0
// Operations with keys that need a login at each use, and the end of operations that fail.
#include <array>

#include "tests/support/config.h"
#include "tests/support/module.h"
#include "tests/support/quirks_derivation.h"
#include "tests/support/quirks_sessions.h"
#include "tests/support/quirks_signatures.h"
#include "tests/support/quirks_wrapping.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

using Init = CK_RV (*)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE);

template <Init CK_FUNCTION_LIST::*Member>
CK_RV begin(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    if (const CK_RV rv = refusalOfKey(session); rv != CKR_OK)
        return rv;
    if (has(Quirk::rawRsaRefused) && mechanism->mechanism == CKM_RSA_X_509)
        return CKR_MECHANISM_INVALID;
    const CK_RV rv = (real().*Member)(session, mechanism, key);
    if (rv == CKR_OK && config().alwaysAuthenticate && !has(Quirk::noContextLogin))
        setAuthentication(session, Authentication::needed);
    if (rv == CKR_OK && Member == &CK_FUNCTION_LIST::C_SignInit)
        setMechanism(session, mechanism->mechanism);
    return rv;
}

// C_DeriveKey has no C_...Init. So the first call is refused, and the login comes before the
// second.
CK_RV deriveKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE base,
                CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* key) {
    if (const CK_RV rv = refusalOfKey(session); rv != CKR_OK)
        return rv;
    if (config().alwaysAuthenticate && !has(Quirk::noContextLogin)) {
        const bool done = authenticationOf(session) == Authentication::done;
        setAuthentication(session, done ? Authentication::noOperation : Authentication::needed);
        if (!done)
            return CKR_USER_NOT_LOGGED_IN;
    }
    return deriveAsWanted(session, mechanism, base, attributes, count, key);
}

template <auto Member>
struct Guard;

template <typename... Rest, CK_RV (*CK_FUNCTION_LIST::*Member)(CK_SESSION_HANDLE, Rest...)>
struct Guard<Member> {
    static CK_RV call(CK_SESSION_HANDLE session, Rest... rest) {
        if (config().alwaysAuthenticate && authenticationOf(session) == Authentication::needed) {
            endOperation(idOf<Member>(), session);
            setAuthentication(session, Authentication::noOperation);
            return CKR_USER_NOT_LOGGED_IN;
        }
        const CK_RV rv = (real().*Member)(session, rest...);
        if constexpr (idOf<Member>() == idOf<&FunctionList::C_Sign>())
            if (rv == CKR_OK)
                return changeSignature(session, rest...);
        return rv;
    }

  private:
    static CK_RV changeSignature(CK_SESSION_HANDLE session, CK_BYTE*, CK_ULONG dataSize,
                                 CK_BYTE* signature, CK_ULONG* size) {
        if (has(Quirk::longHashRefused) && mechanismOf(session) == CKM_ECDSA &&
            dataSize > *size / 2)
            return CKR_DEVICE_ERROR;
        if (signature != nullptr)
            changeForm(mechanismOf(session), signature, *size);
        *size = config().signatureSize.value_or(*size);
        return CKR_OK;
    }
};

template <auto Member>
void guard(FunctionList& list) {
    list.*Member = &Guard<Member>::call;
}

using Whole = CK_RV (*)(CK_SESSION_HANDLE, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*);
using Final = CK_RV (*)(CK_SESSION_HANDLE, CK_BYTE*, CK_ULONG*);

// PKCS#11 2.40 has no function that ends an operation. So it is completed with other data, which
// ends it even if it fails.
struct Ending {
    CK_SESSION_HANDLE session;
    std::array<CK_BYTE, 16384> scratch{};

    void whole(Whole function) {
        CK_BYTE data = 0;
        CK_ULONG size = scratch.size();
        function(session, &data, 1, scratch.data(), &size);
    }
    void final(Final function) {
        CK_ULONG size = scratch.size();
        function(session, scratch.data(), &size);
    }
};

} // namespace

void endOperation(FunctionId id, CK_SESSION_HANDLE session) {
    using List = FunctionList;
    Ending ending{session};
    switch (id) {
    case idOf<&List::C_Sign>():
        return ending.whole(real().C_Sign);
    case idOf<&List::C_SignUpdate>():
    case idOf<&List::C_SignFinal>():
        return ending.final(real().C_SignFinal);
    case idOf<&List::C_Decrypt>():
        return ending.whole(real().C_Decrypt);
    case idOf<&List::C_DecryptUpdate>():
    case idOf<&List::C_DecryptFinal>():
        return ending.final(real().C_DecryptFinal);
    case idOf<&List::C_Encrypt>():
        return ending.whole(real().C_Encrypt);
    case idOf<&List::C_EncryptUpdate>():
    case idOf<&List::C_EncryptFinal>():
        return ending.final(real().C_EncryptFinal);
    case idOf<&List::C_Digest>():
        return ending.whole(real().C_Digest);
    case idOf<&List::C_DigestUpdate>():
    case idOf<&List::C_DigestFinal>():
        return ending.final(real().C_DigestFinal);
    case idOf<&List::C_Verify>():
        real().C_Verify(session, ending.scratch.data(), 1, ending.scratch.data(), 1);
        return;
    case idOf<&List::C_VerifyUpdate>():
    case idOf<&List::C_VerifyFinal>():
        real().C_VerifyFinal(session, ending.scratch.data(), 1);
        return;
    case idOf<&List::C_FindObjects>():
        real().C_FindObjectsFinal(session);
        return;
    default:
        return;
    }
}

void interceptOperations(FunctionList& list) {
    list.C_SignInit = begin<&CK_FUNCTION_LIST::C_SignInit>;
    list.C_DecryptInit = begin<&CK_FUNCTION_LIST::C_DecryptInit>;
    list.C_DeriveKey = deriveKey;
    list.C_WrapKey = wrapKey;
    list.C_UnwrapKey = unwrapKey;
    guard<&FunctionList::C_Sign>(list);
    guard<&FunctionList::C_SignUpdate>(list);
    guard<&FunctionList::C_SignFinal>(list);
    guard<&FunctionList::C_Decrypt>(list);
    guard<&FunctionList::C_DecryptUpdate>(list);
    guard<&FunctionList::C_DecryptFinal>(list);
}

} // namespace test_module
