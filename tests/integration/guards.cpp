// SPDX-License-Identifier: Apache-2.0
#include "guards.h"

#include <atomic>
#include <cstdio>
#include <cstring>

#include <cxxabi.h>
#include <dlfcn.h>

#include "provider_file.h"

namespace {

// None of these has a guard of its own.
constinit std::atomic<bool> watching{false};
constinit std::atomic<unsigned long> taken{0};

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void note(void* caller) {
    Dl_info where{};
    if (dladdr(caller, &where) == 0 ||
        std::strcmp(where.dli_fname, testing_support::providerFile()) != 0)
        return;
    ++taken;
    std::fprintf(
        stderr, "the provider makes a function-local static at %p of its library\n",
        reinterpret_cast<void*>(static_cast<char*>(caller) - static_cast<char*>(where.dli_fbase)));
}
#endif

} // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// In place of the C++ library's, for all libraries of the program.
namespace __cxxabiv1 {
extern "C" int __cxa_guard_acquire(__guard* guard) {
    if (watching.load())
        note(__builtin_return_address(0));
    using Acquire = int (*)(__guard*);
    static constinit std::atomic<Acquire> next{nullptr};
    if (next.load() == nullptr)
        next = reinterpret_cast<Acquire>(dlsym(RTLD_NEXT, "__cxa_guard_acquire"));
    return next.load()(guard);
}
} // namespace __cxxabiv1
#endif

namespace testing_support {

void watchGuards() {
    dlopen(providerFile(), RTLD_NOW | RTLD_LOCAL); // which stays
    watching = true;
}

unsigned long guardsTaken() {
    return taken;
}

} // namespace testing_support
