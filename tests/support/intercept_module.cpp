// SPDX-License-Identifier: Apache-2.0
// C_Initialize, C_Finalize, and the functions that return function lists. Only the latter are
// exported.
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <unistd.h>

#include "tests/support/conduct.h"
#include "tests/support/config.h"
#include "tests/support/forward.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

template <FunctionId... Ids>
void fill(FunctionList& list, std::index_sequence<Ids...>) {
    ((list.*std::get<Ids>(functions).member = &Forward<std::get<Ids>(functions).member>::call),
     ...);
}

// What the application gets. Two lists, since a list begins with its version.
struct Outer {
    FunctionList list{};
    CK_FUNCTION_LIST oldList{};

    Outer() {
        fill(list, std::make_index_sequence<functionCount>());
        list.version = config().messageSign ? CK_VERSION{3, 0} : real().version;
        oldList = list;
        if (oldList.version.major > 2)
            oldList.version = {2, 40};
    }
};

// Call it only after the real module is loaded.
Outer& outer() {
    static Outer lists;
    return lists;
}

// The interfaces "PKCS 11" become ours, others (a vendor's) stay the real module's.
void replaceFunctions(Interface& interface) {
    if (std::strcmp(reinterpret_cast<const char*>(interface.name), "PKCS 11") != 0)
        return;
    const auto major = static_cast<const CK_VERSION*>(interface.functions)->major;
    interface.functions = major < 3 ? &outer().oldList : static_cast<void*>(&outer().list);
}

void changeProcess() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    if (std::setlocale(LC_ALL, "C.UTF-8") == nullptr)
        std::fputs("pkcs11-test-module: there is no locale C.UTF-8\n", stderr);
}

CK_RV initialize(void* args) {
    const auto* init = static_cast<const CK_C_INITIALIZE_ARGS*>(args);
    if (config().noOsLocking && init != nullptr && (init->flags & CKF_OS_LOCKING_OK) != 0)
        return CKR_CANT_LOCK;
    const CK_RV rv = real().C_Initialize(args);
    if (rv != CKR_OK)
        return rv;
    const bool locks =
        init != nullptr && ((init->flags & CKF_OS_LOCKING_OK) != 0 || init->CreateMutex != nullptr);
    setOneThread(!locks);
    if (has(Quirk::changesProcess))
        changeProcess();
    forgetSlots();
    removeAllSessions(); // a forked child has those of its parent
    return config().alreadyInitialized ? CKR_CRYPTOKI_ALREADY_INITIALIZED : CKR_OK;
}

CK_RV finalize(void* reserved) {
    while (has(Quirk::finalizeHangs))
        sleep(1);
    const CK_RV rv = real().C_Finalize(reserved);
    if (rv == CKR_OK)
        removeAllSessions();
    return rv;
}

CK_RV getFunctionList(CK_FUNCTION_LIST** list) {
    if (list == nullptr)
        return CKR_ARGUMENTS_BAD;
    *list = &outer().oldList;
    return CKR_OK;
}

CK_RV getInterfaceList(Interface* list, CK_ULONG* count) {
    const CK_RV rv = real().C_GetInterfaceList(list, count);
    if (rv == CKR_OK && list != nullptr)
        for (CK_ULONG i = 0; i < *count; ++i)
            replaceFunctions(list[i]);
    return rv;
}

CK_RV getInterface(CK_UTF8CHAR* name, CK_VERSION* version, Interface** interface, CK_FLAGS flags) {
    static thread_local Interface ours; // the real one may be in read-only memory
    if (config().messageSign) {
        static CK_UTF8CHAR standard[] = "PKCS 11";
        ours = {standard, &outer().list, 0};
        *interface = &ours;
        return CKR_OK;
    }
    const CK_RV rv = real().C_GetInterface(name, version, interface, flags);
    if (rv != CKR_OK)
        return rv;
    ours = **interface;
    replaceFunctions(ours);
    *interface = &ours;
    return CKR_OK;
}

// For the three functions through which an application enters.
CK_RV prepare() {
    const CK_RV rv = reloadConfig();
    return rv == CKR_OK ? loadTarget() : rv;
}

} // namespace

void interceptModule(FunctionList& list) {
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetFunctionList = getFunctionList;
    if (list.C_GetInterfaceList != nullptr)
        list.C_GetInterfaceList = getInterfaceList;
    if (list.C_GetInterface != nullptr || config().messageSign)
        list.C_GetInterface = getInterface;
}

} // namespace test_module

using test_module::Forward;
using test_module::FunctionList;
using test_module::Interface;

extern "C" {

// With asm labels, because p11-kit 0.25 declares these functions with its own types.
[[gnu::visibility("default")]] CK_RV getInterfaceList(Interface* list,
                                                      CK_ULONG* count) asm("C_GetInterfaceList");
[[gnu::visibility("default")]] CK_RV getInterface(CK_UTF8CHAR* name, CK_VERSION* version,
                                                  Interface** interface,
                                                  CK_FLAGS flags) asm("C_GetInterface");

[[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    const CK_RV rv = test_module::prepare();
    return rv == CKR_OK ? Forward<&FunctionList::C_GetFunctionList>::call(list) : rv;
}

CK_RV getInterfaceList(Interface* list, CK_ULONG* count) {
    const CK_RV rv = test_module::prepare();
    return rv == CKR_OK ? Forward<&FunctionList::C_GetInterfaceList>::call(list, count) : rv;
}

CK_RV getInterface(CK_UTF8CHAR* name, CK_VERSION* version, Interface** interface, CK_FLAGS flags) {
    const CK_RV rv = test_module::prepare();
    if (rv != CKR_OK)
        return rv;
    // Not counted, because a module without this function could not be called either.
    if (test_module::inner().C_GetInterface == nullptr)
        return CKR_FUNCTION_NOT_SUPPORTED;
    return Forward<&FunctionList::C_GetInterface>::call(name, version, interface, flags);
}
}
