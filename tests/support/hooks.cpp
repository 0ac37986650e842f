// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hooks.h"

#include <array>
#include <atomic>

namespace test_module {
namespace {

constinit std::array<std::atomic<void (*)()>, functionCount> hooks{};

} // namespace

void setHook(FunctionId id, void (*hook)()) {
    hooks[id] = hook;
}

void runHook(FunctionId id) {
    if (hooks[id].load() == nullptr)
        return;
    if (auto* hook = hooks[id].exchange(nullptr))
        hook();
}

} // namespace test_module
