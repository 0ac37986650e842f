// SPDX-License-Identifier: Apache-2.0
// A token that does PSS and OAEP (without a label) with SHA-3 (PKCS#11 3.0), which SoftHSM refuses.
#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "tests/support/immortal.h"
#include "tests/support/module.h"

namespace test_module {
namespace {

struct Begun {
    std::mutex mutex;
    std::map<CK_SESSION_HANDLE, CK_RSA_PKCS_PSS_PARAMS> signatures;
    std::map<CK_SESSION_HANDLE, CK_RSA_PKCS_OAEP_PARAMS> decryptions;
};

Begun& begun() {
    static Immortal<Begun> immortal;
    return immortal.value;
}

SignPss* chosenSign = nullptr;
DecryptOaep* chosenDecrypt = nullptr;
bool listsDigests = false;
constexpr std::array<CK_MECHANISM_TYPE, 4> digests{0x2B5, 0x2B0, 0x2C0, 0x2D0}; // CKM_SHA3_224 ...

// The functions that were in the list before.
CK_C_SignInit nextSignInit = nullptr;
CK_C_Sign nextSign = nullptr;
CK_C_DecryptInit nextDecryptInit = nullptr;
CK_C_Decrypt nextDecrypt = nullptr;
CK_C_GetMechanismList nextGetMechanismList = nullptr;

bool isSha3(CK_MECHANISM_TYPE hash) {
    return std::ranges::count(digests, hash) == 1;
}

CK_RV getMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
    if (!listsDigests || count == nullptr)
        return nextGetMechanismList(slot, list, count);
    CK_ULONG others = 0;
    if (const CK_RV rv = nextGetMechanismList(slot, nullptr, &others); rv != CKR_OK)
        return rv;
    const auto room = *count;
    *count = others + digests.size();
    if (list == nullptr)
        return CKR_OK;
    if (room < *count)
        return CKR_BUFFER_TOO_SMALL;
    std::ranges::copy(digests, list + others);
    return nextGetMechanismList(slot, list, &others);
}

// The real module begins another operation, for which it checks session and key.
CK_RV signInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    if (chosenSign == nullptr || mechanism->mechanism != CKM_RSA_PKCS_PSS)
        return nextSignInit(session, mechanism, key);
    const auto& params = *static_cast<const CK_RSA_PKCS_PSS_PARAMS*>(mechanism->pParameter);
    if (!isSha3(params.hashAlg))
        return nextSignInit(session, mechanism, key);
    CK_MECHANISM other{CKM_RSA_PKCS, nullptr, 0};
    const CK_RV rv = nextSignInit(session, &other, key);
    if (rv == CKR_OK) {
        const std::lock_guard lock(begun().mutex);
        begun().signatures[session] = params;
    }
    return rv;
}

CK_RV decryptInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    if (chosenDecrypt == nullptr || mechanism->mechanism != CKM_RSA_PKCS_OAEP)
        return nextDecryptInit(session, mechanism, key);
    const auto& params = *static_cast<const CK_RSA_PKCS_OAEP_PARAMS*>(mechanism->pParameter);
    if (!isSha3(params.hashAlg) || params.ulSourceDataLen != 0)
        return nextDecryptInit(session, mechanism, key);
    CK_MECHANISM other{CKM_RSA_PKCS, nullptr, 0};
    const CK_RV rv = nextDecryptInit(session, &other, key);
    if (rv == CKR_OK) {
        const std::lock_guard lock(begun().mutex);
        begun().decryptions[session] = params;
    }
    return rv;
}

template <typename Operations>
auto take(Operations& operations, CK_SESSION_HANDLE session) {
    const std::lock_guard lock(begun().mutex);
    return operations.extract(session);
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature,
           CK_ULONG* signatureSize) {
    const auto node = take(begun().signatures, session);
    if (node.empty())
        return nextSign(session, data, size, signature, signatureSize);
    endOperation(idOf<&FunctionList::C_Sign>(), session);
    return chosenSign(&node.mapped(), data, size, signature, signatureSize);
}

CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* out,
              CK_ULONG* outSize) {
    const auto node = take(begun().decryptions, session);
    if (node.empty())
        return nextDecrypt(session, data, size, out, outSize);
    endOperation(idOf<&FunctionList::C_Decrypt>(), session);
    return chosenDecrypt(&node.mapped(), data, size, out, outSize);
}

} // namespace

void answerSha3(SignPss* signFunction, DecryptOaep* decryptFunction, bool isListed) {
    chosenSign = signFunction;
    chosenDecrypt = decryptFunction;
    listsDigests = isListed;
}

void interceptPadding(FunctionList& list) {
    nextSignInit = std::exchange(list.C_SignInit, signInit);
    nextSign = std::exchange(list.C_Sign, sign);
    nextDecryptInit = std::exchange(list.C_DecryptInit, decryptInit);
    nextDecrypt = std::exchange(list.C_Decrypt, decrypt);
    nextGetMechanismList = std::exchange(list.C_GetMechanismList, getMechanismList);
}

void releasePadding() {
    begun().signatures = {};
    begun().decryptions = {};
}

} // namespace test_module
