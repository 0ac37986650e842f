// SPDX-License-Identifier: Apache-2.0
#include "tests/support/module.h"

#include <atomic>
#include <cstdio>
#include <mutex>

#include <dlfcn.h>
#include <pthread.h>

#include "tests/support/conduct.h"
#include "tests/support/config.h"
#include "tests/support/counters.h"
#include "tests/support/forward.h"
#include "tests/support/immortal.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

struct Target {
    std::atomic<bool> loaded{false};
    std::mutex mutex; // of loading; the lists do not change any more after it
    FunctionList real{};
    FunctionList inner{};
};

Target& target() {
    static Immortal<Target> immortal;
    return immortal.value;
}

// If another thread held a mutex during fork(), it would stay locked in the child.
void beforeFork() {
    target().mutex.lock();
    lockConfig();
    lockSessions();
    lockCounters();
}

void afterFork() {
    unlockCounters();
    unlockSessions();
    unlockConfig();
    target().mutex.unlock();
}

void afterForkInChild() {
    afterFork();
    startCountersOfChild();
    startConductOfChild();
    startUsesOfChild();
    config().faults->restart();
}

// The 3.0 list if the module has one; else the 2.40 list, with nulls for what is new in 3.0.
CK_RV readFunctions(void* library, FunctionList& list) {
    const auto getInterface = reinterpret_cast<GetInterface>(dlsym(library, "C_GetInterface"));
    CK_UTF8CHAR name[] = "PKCS 11";
    CK_VERSION version{3, 0};
    Interface* interface = nullptr;
    if (getInterface != nullptr && getInterface(name, &version, &interface, 0) == CKR_OK) {
        list = *static_cast<FunctionList*>(interface->functions);
        return CKR_OK;
    }
    const auto getList =
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* old = nullptr;
    const CK_RV rv = getList != nullptr ? getList(&old) : CKR_GENERAL_ERROR;
    if (rv == CKR_OK)
        static_cast<CK_FUNCTION_LIST&>(list) = *old;
    return rv;
}

CK_RV complain(const char* what, const char* why) {
    std::fprintf(stderr, "pkcs11-test-module: %s: %s\n", what, why != nullptr ? why : "");
    return CKR_GENERAL_ERROR;
}

// The library is never closed, because its own exit handlers may still have to run.
CK_RV load(Target& self) {
    const auto& path = config().target;
    if (path.empty())
        return complain("PKCS11_TEST_TARGET", "not set");
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return complain("PKCS11_TEST_TARGET", dlerror());
    if (readFunctions(library, self.real) != CKR_OK)
        return complain(path.c_str(), "no function list");
    self.inner = self.real;
    interceptModule(self.inner);
    interceptSlots(self.inner);
    interceptSessions(self.inner);
    interceptObjects(self.inner);
    interceptMessages(self.inner);
    interceptOperations(self.inner);
    interceptDecryption(self.inner);
    interceptEddsa(self.inner);
    interceptPadding(self.inner);
    beStrict(self.inner);
    interceptHandles(self.inner);
    pthread_atfork(beforeFork, afterFork, afterForkInChild);
    self.loaded = true;
    return CKR_OK;
}

// At dlclose, and at exit after all of the program's own handlers.
[[gnu::destructor]] void unload() {
    writeNewCounts();
    removeAllSessions();
    releaseMessages();
    releaseEddsa();
    releasePadding();
    releaseCounters();
    releaseConfig();
}

} // namespace

const FunctionList& real() {
    return target().real;
}

const FunctionList& inner() {
    return target().inner;
}

CK_RV loadTarget() {
    auto& self = target();
    const std::lock_guard lock(self.mutex);
    return self.loaded ? CKR_OK : load(self);
}

} // namespace test_module
