// SPDX-License-Identifier: Apache-2.0
#include "tools/inspection/tokens.h"

#include <array>
#include <utility>

#include "pkcs11/text.h"
#include "pkcs11/token_list.h"
#include "pkcs11/trace.h"
#include "tokens/object_uris.h"
#include "tokens/token_search.h"

namespace p11::tools::inspection {

std::string SeenToken::label() const {
    return pkcs11::trimmed(info.label);
}

pkcs11::Token& SeenToken::token() const {
    auto& token = pkcs11::tokenOf(*module, slot, info);
    token.noteSeen(initializationId, slot, info);
    return token;
}

std::vector<SeenToken> tokensOf(pkcs11::Module& module, std::vector<std::string>& problems) {
    std::vector<SeenToken> all;
    const auto initializationId = module.initialize();
    for (const CK_SLOT_ID slot : module.slots("module " + module.name())) {
        SeenToken seen{&module, initializationId, slot, {}};
        const CK_RV rv = module.readTokenInfo(slot, seen.info);
        if (rv == CKR_OK)
            all.push_back(seen);
        else
            problems.push_back(
                pkcs11::callFailed(pkcs11::functionName<&pkcs11::List::C_GetTokenInfo>, rv,
                                   "slot " + std::to_string(slot))
                    .what());
    }
    return all;
}

std::vector<SeenToken> allTokens(ossl::ProviderContext& context) {
    std::vector<SeenToken> all;
    std::vector<std::string> problems;
    for (auto* module : context.modules()) {
        try {
            const auto some = tokensOf(*module, problems);
            all.insert(all.end(), some.begin(), some.end());
        } catch (const pkcs11::Error& error) {
            pkcs11::trace::step(error.what());
        }
    }
    std::erase_if(all, [](const SeenToken& seen) { return !seen.isInitialized(); });
    return all;
}

std::vector<SeenToken> fitting(const uri::Uri& uri, const std::vector<SeenToken>& present) {
    std::vector<SeenToken> fit;
    for (const auto& seen : present)
        if (tokens::fitsModule(uri, *seen.module) &&
            uri.slotId().value_or(seen.slot) == seen.slot &&
            (!uri.constrainsModule() || uri.matchesModule(seen.module->info())) &&
            (!uri.constrainsSlotInfo() ||
             uri.matchesSlot(seen.module->slotInfo(seen.slot), seen.slot)) &&
            uri.matchesToken(seen.info))
            fit.push_back(seen);
    return fit;
}

std::string flagsInWords(CK_FLAGS flags) {
    constexpr std::array<std::pair<CK_FLAGS, const char*>, 5> words{
        {{CKF_LOGIN_REQUIRED, "login required"},
         {CKF_PROTECTED_AUTHENTICATION_PATH, "PIN pad"},
         {CKF_WRITE_PROTECTED, "write-protected"},
         {CKF_RNG, "random numbers"},
         {CKF_SO_PIN_LOCKED, "security officer's PIN locked"}}};
    std::vector<std::string> said;
    for (const auto& [flag, word] : words)
        if ((flags & flag) != 0)
            said.emplace_back(word);
    return tokens::join(said);
}

std::string pinInWords(CK_FLAGS flags) {
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return "locked";
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return "one try left";
    if ((flags & CKF_USER_PIN_COUNT_LOW) != 0)
        return "a wrong one was tried";
    if ((flags & CKF_USER_PIN_INITIALIZED) == 0)
        return (flags & CKF_LOGIN_REQUIRED) != 0 ? "none set" : "not needed";
    if ((flags & CKF_USER_PIN_TO_BE_CHANGED) != 0)
        return "must be changed";
    return "all tries left";
}

} // namespace p11::tools::inspection
