// SPDX-License-Identifier: Apache-2.0
#include "tokens/token_search.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "pkcs11/text.h"
#include "pkcs11/token_list.h"
#include "pkcs11/trace.h"
#include "tokens/module_hints.h"
#include "tokens/object_uris.h"

namespace p11::tokens {
namespace {

// "softhsm2" for "libsofthsm2.so" (RFC 7512, section 2.3: without the affixes of the operating
// system).
std::string_view bareName(std::string_view name) {
    if (name.ends_with(".so"))
        name.remove_suffix(3);
    if (name.starts_with("lib"))
        name.remove_prefix(3);
    return name;
}

bool hasName(const pkcs11::Module& module, const std::string& name) {
    const auto file = std::filesystem::path(module.path()).filename().string();
    return bareName(module.name()) == bareName(name) || bareName(file) == bareName(name);
}

// module-path is a file, or the folder of the module (RFC 7512, section 2.3).
bool hasPath(const pkcs11::Module& module, const std::string& path) {
    std::error_code error;
    const auto wanted = std::filesystem::canonical(path, error);
    const std::filesystem::path own(module.path());
    return !error && !own.empty() && (own == wanted || own.parent_path() == wanted);
}

// SoftHSM leaves out a token for good if another process writes its file at the time of
// C_Initialize, which each login does.
constexpr auto settlingTime = std::chrono::milliseconds(25);
constexpr auto longestSettlingTime = std::chrono::milliseconds(400);

struct Present {
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
};

std::vector<Present> initializedTokens(pkcs11::Module& module) {
    std::vector<Present> found;
    for (const CK_SLOT_ID slot : module.slots("module " + module.name())) {
        CK_TOKEN_INFO info{};
        if (module.readTokenInfo(slot, info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) != 0)
            found.push_back({slot, info});
    }
    return found;
}

bool leavesOutTokens(pkcs11::Module& module) {
    return pkcs11::trimmed(module.info().manufacturerID) == "SoftHSM" &&
           initializedTokens(module).size() < softHsmTokensInFolder();
}

// True if a module was restarted.
bool restartAfter(std::chrono::milliseconds pause, const std::vector<pkcs11::Module*>& modules) {
    bool restarted = false;
    for (auto* module : modules) {
        try {
            if (!leavesOutTokens(*module))
                continue;
            std::this_thread::sleep_for(pause);
            pkcs11::restartUnlessUsed(*module, module->initializationId());
            restarted = true;
        } catch (const pkcs11::Error& error) { // which the search tells
            pkcs11::trace::step(error.what());
        }
    }
    return restarted;
}

std::string namesOf(const std::vector<pkcs11::Module*>& modules) {
    std::vector<std::string> names;
    names.reserve(modules.size());
    for (const auto* module : modules)
        names.push_back(module->name());
    return names.empty() ? "none" : join(names);
}

} // namespace

uri::Uri parseUri(std::string_view text) {
    try {
        return uri::Uri::parse(text);
    } catch (const uri::Error& error) {
        throw pkcs11::Error(pkcs11::Failure::uri, error.what());
    }
}

// A URI of one token says itself which it is.
ossl::Replicas replicasOf(const uri::Uri& uri, const ossl::Settings& settings) {
    if (uri.namesOneToken())
        return ossl::Replicas::off;
    const auto asked = uri.replicas();
    return asked ? ossl::replicasNamed(*asked).value_or(ossl::Replicas::off) : settings.replicas;
}

bool isCalled(const CK_TOKEN_INFO& info, const std::string& name) {
    return pkcs11::trimmed(info.label) == name || pkcs11::trimmed(info.serialNumber) == name;
}

bool fitsModule(const uri::Uri& uri, const pkcs11::Module& module) {
    const auto name = uri.moduleName();
    const auto path = uri.modulePath();
    return (!name || hasName(module, *name)) && (!path || hasPath(module, *path));
}

TokenSearch::TokenSearch(ossl::ProviderContext& context, const uri::Uri& uri) : uri_(uri) {
    const auto modules = selectModules(context);
    searchModules(modules);
    if (!tokens_.empty())
        return;
    refresh(modules);
    searchAgain(modules);
    for (auto pause = settlingTime;
         tokens_.empty() && pause <= longestSettlingTime && restartAfter(pause, modules);
         pause *= 2)
        searchAgain(modules);
    if (tokens_.empty())
        addThoseThatAnswer();
    if (tokens_.empty())
        nothingFits(modules);
}

void TokenSearch::searchAgain(const std::vector<pkcs11::Module*>& modules) {
    problems_.clear();
    uninitialized_.clear();
    searchModules(modules);
}

void TokenSearch::searchModules(const std::vector<pkcs11::Module*>& modules) {
    for (auto* module : modules) {
        try {
            searchModule(*module);
        } catch (const pkcs11::Error& error) {
            // One broken module must not hide the others.
            pkcs11::trace::step(error.what());
            problems_.emplace_back(error.what());
        }
    }
}

// The token may be new.
void TokenSearch::refresh(const std::vector<pkcs11::Module*>& modules) {
    for (auto* module : modules) {
        try {
            module->refreshSlots("module " + module->name());
        } catch (const pkcs11::Error& error) { // which the search tells
            pkcs11::trace::step(error.what());
        }
    }
}

std::vector<pkcs11::Module*> TokenSearch::selectModules(ossl::ProviderContext& context) {
    const auto permitted = context.modules();
    auto selected = permitted;
    std::erase_if(selected, [&](const auto* module) { return !fitsModule(uri_, *module); });
    if (selected.empty())
        throw pkcs11::Error(pkcs11::Failure::module,
                            "no configured or registered PKCS#11 module fits " + uri_.withoutPin() +
                                "; there are: " + namesOf(permitted));
    return selected;
}

// A passing failure of a token, or a restarted server, must not fail a load. A slot that cannot be
// read fails it only if no other slot has the token.
void TokenSearch::searchModule(pkcs11::Module& module) {
    const auto found = tokens_.size();
    const auto withLogin = loginTokens_.size();
    const auto uninitialized = uninitialized_.size();
    for (pkcs11::Recovery recovery(module);;) {
        tokens_.resize(found);
        loginTokens_.resize(withLogin);
        uninitialized_.resize(uninitialized);
        unread_.clear();
        try {
            searchSlots(module);
            if (unread_.empty() || tokens_.size() > found ||
                recovery.prepare(unread_.back(), nullptr) == pkcs11::Remedy::none)
                break;
        } catch (const pkcs11::Error& error) {
            if (recovery.prepare(error, nullptr) == pkcs11::Remedy::none)
                throw;
        }
    }
    for (const auto& error : unread_)
        problems_.emplace_back(error.what());
}

void TokenSearch::searchSlots(pkcs11::Module& module) {
    const auto initializationId = module.initialize();
    if (uri_.constrainsModule() && !uri_.matchesModule(module.info()))
        return;
    for (const CK_SLOT_ID slot : module.slots("module " + module.name()))
        searchSlot(module, initializationId, slot);
}

void TokenSearch::searchSlot(pkcs11::Module& module, pkcs11::InitializationId initializationId,
                             CK_SLOT_ID slot) {
    if (uri_.slotId().value_or(slot) != slot)
        return;
    if (uri_.constrainsSlotInfo() && !uri_.matchesSlot(module.slotInfo(slot), slot))
        return;
    CK_TOKEN_INFO info{};
    const CK_RV rv = module.readTokenInfo(slot, info);
    if (rv != CKR_OK) { // removed since, or not recognised; another slot may fit
        unread_.push_back(pkcs11::callFailed(pkcs11::functionName<&pkcs11::List::C_GetTokenInfo>,
                                             rv, "slot " + std::to_string(slot)));
        return;
    }
    if (!uri_.matchesToken(info))
        return;
    if ((info.flags & CKF_TOKEN_INITIALIZED) == 0)
        uninitialized_.push_back({&module, initializationId, slot, info});
    else
        add(seen({&module, initializationId, slot, info}), info.flags);
}

pkcs11::Token& TokenSearch::seen(const Found& found) {
    auto& token = pkcs11::tokenOf(*found.module, found.slot, found.info);
    token.noteSeen(found.initializationId, found.slot, found.info);
    return token;
}

void TokenSearch::add(pkcs11::Token& token, CK_FLAGS flags) {
    tokens_.push_back(&token);
    if ((flags & CKF_LOGIN_REQUIRED) != 0)
        loginTokens_.push_back(&token);
}

// Some tokens never say that they are initialised. If one opens a session, it is.
void TokenSearch::addThoseThatAnswer() {
    for (const auto& found : uninitialized_) {
        try {
            auto& token = seen(found);
            token.sessionPool()->take();
            add(token, found.info.flags);
        } catch (const pkcs11::Error& error) {
            pkcs11::trace::step(error.what());
        }
    }
}

// Some tokens need a login and do not say so (CKF_LOGIN_REQUIRED).
pkcs11::Token* TokenSearch::loginToken() const {
    const auto& candidates = loginTokens_.empty() ? tokens_ : loginTokens_;
    return candidates.size() == 1 ? candidates.front() : nullptr;
}

bool TokenSearch::keepOnly(const std::vector<std::string>& names) {
    std::vector<pkcs11::Token*> kept;
    bool isComplete = true;
    for (const auto& name : names) {
        const auto before = kept.size();
        for (auto* token : tokens_)
            if (isCalled(token->info(), name) && std::ranges::find(kept, token) == kept.end())
                kept.push_back(token);
        isComplete = isComplete && kept.size() > before;
    }
    if (kept.empty() && tokens_.size() > 1)
        throw pkcs11::Error(pkcs11::Failure::notFound,
                            "none of the tokens that fit " + uri_.withoutPin() +
                                " is among pkcs11-replica-tokens; there are: " + describe(),
                            CKR_TOKEN_NOT_PRESENT);
    if (tokens_.size() > 1) {
        std::erase_if(loginTokens_, [&kept](const auto* token) {
            return std::ranges::find(kept, token) == kept.end();
        });
        tokens_ = std::move(kept);
    }
    return isComplete;
}

pkcs11::Token& TokenSearch::onlyToken() const {
    if (tokens_.size() > 1)
        throw pkcs11::Error(pkcs11::Failure::ambiguous,
                            "several tokens fit " + uri_.withoutPin() +
                                "; name one of them (token=, serial=, slot-id=): " + describe());
    return *tokens_.front();
}

std::string TokenSearch::describe() const {
    std::vector<std::string> names;
    for (const auto* token : tokens_)
        names.push_back(token->describe());
    return join(names);
}

// Gives slot numbers if the slot or the module may be what does not fit.
std::vector<std::string> TokenSearch::present(const std::vector<pkcs11::Module*>& modules) const {
    const bool withSlots = uri_.slotId() || uri_.constrainsSlotInfo() || uri_.constrainsModule();
    std::vector<std::string> labels;
    for (auto* module : modules) {
        try {
            for (const auto& [slot, info] : initializedTokens(*module))
                labels.push_back("\"" + pkcs11::trimmed(info.label) + "\"" +
                                 (withSlots ? " in slot " + std::to_string(slot) : ""));
        } catch (const pkcs11::Error& error) { // which the search has told already
            pkcs11::trace::step(error.what());
        }
    }
    return labels;
}

void TokenSearch::nothingFits(const std::vector<pkcs11::Module*>& modules) const {
    const auto there = present(modules);
    std::string message = "no token fits " + uri_.withoutPin() +
                          "; tokens present: " + (there.empty() ? "none" : join(there));
    if (!problems_.empty())
        message += "; what could not be used: " + join(problems_);
    for (const auto* module : modules)
        for (const auto& hint : moduleHints(module->path()))
            message += "; " + hint.what;
    throw pkcs11::Error(pkcs11::Failure::notFound, message, CKR_TOKEN_NOT_PRESENT);
}

} // namespace p11::tokens
