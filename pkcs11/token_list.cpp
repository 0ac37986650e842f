// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/token_list.h"

#include <memory>
#include <vector>

#include "pkcs11/process.h"

namespace p11::pkcs11 {
namespace {

// Never destroyed, because exit handlers may use it.
auto& all GUARDED_BY(process::stateMutex()) = *new std::vector<std::unique_ptr<Token>>;

std::vector<Token*> tokensOf(const Module& module) {
    const MutexLock lock(process::stateMutex());
    std::vector<Token*> tokens;
    for (const auto& token : all)
        if (&token->module() == &module)
            tokens.push_back(token.get());
    return tokens;
}

// True if no connected token answers. Somebody may still work with the sessions of one that does.
bool isUnused(Module& module) {
    for (auto* token : tokensOf(module)) {
        const auto pool = token->present();
        if (!pool || pool->openSessions() == 0)
            continue;
        CK_TOKEN_INFO info{};
        if (module.callIn<&List::C_GetTokenInfo>(pool->initializationId(), pool->slot(), &info) ==
            CKR_OK)
            return false;
        token->drop(pool);
    }
    return true;
}

} // namespace

Token& tokenOf(Module& module, CK_SLOT_ID slot, const CK_TOKEN_INFO& info) {
    const MutexLock lock(process::stateMutex());
    for (const auto& token : all)
        if (&token->module() == &module && token->isAt(slot, info))
            return *token;
    return *all.emplace_back(std::make_unique<Token>(module, slot, info));
}

void restartUnlessUsed(Module& module, InitializationId failed) {
    if (module.mayRestart(failed) && isUnused(module))
        module.restart(failed);
}

} // namespace p11::pkcs11
