// SPDX-License-Identifier: Apache-2.0
// A token whose CKM_EDDSA takes parameters (PKCS#11 3.0, section 2.3.14): SoftHSM passes over them.
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "pkcs11/mechanism.h"
#include "tests/support/immortal.h"
#include "tests/support/module.h"

namespace test_module {
namespace {

struct Variant {
    CK_BBOOL prehash = CK_FALSE;
    std::vector<unsigned char> context;
};

struct Begun {
    std::mutex mutex;
    std::map<CK_SESSION_HANDLE, Variant> variants;
};

Begun& begun() {
    static Immortal<Begun> immortal;
    return immortal.value;
}

SignVariant* chosen = nullptr;

// The functions that were in the list before.
CK_C_SignInit nextInit = nullptr;
CK_C_Sign nextSign = nullptr;

std::optional<Variant> variantOf(const CK_MECHANISM& mechanism) {
    if (mechanism.mechanism != CKM_EDDSA || mechanism.ulParameterLen == 0)
        return std::nullopt;
    const auto& params = *static_cast<const p11::pkcs11::EddsaParams*>(mechanism.pParameter);
    if (params.phFlag == CK_FALSE && params.contextDataSize == 0)
        return std::nullopt;
    return Variant{params.phFlag,
                   {params.contextData, params.contextData + params.contextDataSize}};
}

CK_RV signInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    auto variant = chosen != nullptr ? variantOf(*mechanism) : std::nullopt;
    if (!variant)
        return nextInit(session, mechanism, key);
    CK_MECHANISM plain{CKM_EDDSA, nullptr, 0};
    const CK_RV rv = nextInit(session, &plain, key);
    if (rv == CKR_OK) {
        const std::lock_guard lock(begun().mutex);
        begun().variants[session] = std::move(*variant);
    }
    return rv;
}

std::optional<Variant> take(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(begun().mutex);
    auto node = begun().variants.extract(session);
    return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature,
           CK_ULONG* signatureSize) {
    const auto variant = take(session);
    if (!variant)
        return nextSign(session, data, size, signature, signatureSize);
    endOperation(idOf<&FunctionList::C_Sign>(), session);
    return chosen(variant->prehash, variant->context.data(), variant->context.size(), data, size,
                  signature, signatureSize);
}

} // namespace

void answerEddsa(SignVariant* function) {
    chosen = function;
}

void interceptEddsa(FunctionList& list) {
    nextInit = std::exchange(list.C_SignInit, signInit);
    nextSign = std::exchange(list.C_Sign, sign);
}

void releaseEddsa() {
    begun().variants = {};
}

} // namespace test_module
