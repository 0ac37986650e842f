// SPDX-License-Identifier: Apache-2.0
// Message signing of PKCS#11 3.0, built from C_SignInit and C_Sign if the real module lacks it
// (PKCS11_TEST_MESSAGE_SIGN). The operation stays active between messages (PKCS#11 3.0, section
// 5.14).
#include <map>
#include <mutex>
#include <vector>

#include "tests/support/config.h"
#include "tests/support/immortal.h"
#include "tests/support/module.h"

namespace test_module {
namespace {

struct Operation {
    CK_MECHANISM_TYPE type = 0;
    std::vector<unsigned char> parameter;
    CK_OBJECT_HANDLE key = 0;

    CK_RV begin(CK_SESSION_HANDLE session) {
        CK_MECHANISM mechanism{type, parameter.empty() ? nullptr : parameter.data(),
                               parameter.size()};
        return real().C_SignInit(session, &mechanism, key);
    }
};

struct Operations {
    std::mutex mutex;
    std::map<CK_SESSION_HANDLE, Operation> begun;
};

Operations& operations() {
    static Immortal<Operations> immortal;
    return immortal.value;
}

CK_RV messageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    if (mechanism == nullptr)
        return CKR_ARGUMENTS_BAD;
    const auto* bytes = static_cast<const unsigned char*>(mechanism->pParameter);
    Operation operation{mechanism->mechanism, {bytes, bytes + mechanism->ulParameterLen}, key};
    const CK_RV rv = operation.begin(session);
    if (rv != CKR_OK)
        return rv;
    auto& all = operations();
    const std::lock_guard lock(all.mutex);
    all.begun[session] = std::move(operation);
    return CKR_OK;
}

std::optional<Operation> operationOf(CK_SESSION_HANDLE session) {
    auto& all = operations();
    const std::lock_guard lock(all.mutex);
    const auto found = all.begun.find(session);
    return found != all.begun.end() ? std::optional(found->second) : std::nullopt;
}

CK_RV signMessage(CK_SESSION_HANDLE session, void*, CK_ULONG, CK_BYTE* data, CK_ULONG size,
                  CK_BYTE* out, CK_ULONG* outSize) {
    auto operation = operationOf(session);
    if (!operation)
        return CKR_OPERATION_NOT_INITIALIZED;
    const CK_RV rv = real().C_Sign(session, data, size, out, outSize);
    if (rv != CKR_BUFFER_TOO_SMALL && out != nullptr)
        operation->begin(session);
    return rv;
}

CK_RV messageSignFinal(CK_SESSION_HANDLE session) {
    auto& all = operations();
    {
        const std::lock_guard lock(all.mutex);
        if (all.begun.erase(session) == 0)
            return CKR_OPERATION_NOT_INITIALIZED;
    }
    endOperation(idOf<&FunctionList::C_Sign>(), session);
    return CKR_OK;
}

} // namespace

void interceptMessages(FunctionList& list) {
    if (!config().messageSign)
        return;
    list.C_MessageSignInit = messageSignInit;
    list.C_SignMessage = signMessage;
    list.C_MessageSignFinal = messageSignFinal;
}

void releaseMessages() {
    operations().begun = {};
}

} // namespace test_module
