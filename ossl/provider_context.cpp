// SPDX-License-Identifier: Apache-2.0
#include "ossl/provider_context.h"

#include <openssl/core_names.h>

#include "ossl/pin.h"
#include "pkcs11/process.h"

namespace p11::ossl {
namespace {

std::optional<pkcs11::Pin> contextPin(const Settings& settings) {
    if (settings.contextPinFile.empty())
        return settings.contextPin;
    return readPinFile(settings.contextPinFile, settings.readablePinFiles);
}

} // namespace

ProviderContext::ProviderContext(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions,
                                 ReadSettings read)
    : core_(handle, functions), readSettings_(std::move(read)),
      libctx_(OSSL_LIB_CTX_new_child(handle, functions)),
      pins_([this](const auto& salt,
                   const auto& pin) { return pinDigest(digest("SHA2-256"), salt, pin); },
            [this] { return contextPin(settings()); }) {
    if (!libctx_)
        throw UsageError(Reason::internal, "cannot make a child library context");
}

ProviderContext::~ProviderContext() = default;

std::string_view ProviderContext::name() const {
    const char* name = core_.parameter(OSSL_PROV_PARAM_CORE_PROV_NAME);
    return name != nullptr ? name : "pkcs11";
}

// Two threads that come first both read the same settings.
const Settings& ProviderContext::settings() const {
    if (settingsRead_.load())
        return settings_;
    auto read = readSettings_(core_);
    const std::lock_guard lock(pkcs11::process::stateMutex());
    if (!settingsRead_.load()) {
        settings_ = std::move(read);
        settingsRead_.store(true);
    }
    return settings_;
}

// The child mirrors the application's providers. If they cannot hash (this provider is loaded
// alone), the default provider is added for our own use. This is not done when the provider starts,
// because the core is still loading providers then.
OSSL_LIB_CTX* ProviderContext::libctx() const {
    if (probed_.load())
        return libctx_.get();
    const Md probe(EVP_MD_fetch(libctx_.get(), "SHA2-256", propq()));
    Provider loaded(probe ? nullptr : OSSL_PROVIDER_load(libctx_.get(), "default"));
    const std::lock_guard lock(pkcs11::process::stateMutex());
    if (!probed_.exchange(true))
        default_.swap(loaded);
    return libctx_.get();
}

Md ProviderContext::digest(const char* name) const {
    return Md(EVP_MD_fetch(libctx(), name, propq()));
}

// Two threads that come first both load. The second finds the same modules and drops its list.
std::vector<pkcs11::Module*> ProviderContext::modules() {
    const auto list = [this]() REQUIRES(pkcs11::process::stateMutex()) {
        std::vector<pkcs11::Module*> result;
        for (const auto& use : modules_)
            result.push_back(&*use);
        return result;
    };
    {
        const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
        if (modulesLoaded_)
            return list();
    }
    const auto& wanted = settings();
    if (!wanted.problem.empty())
        throw UsageError(Reason::parameter, wanted.problem);
    const pkcs11::ModulePolicy policy(wanted.allowedModulePaths);
    std::vector<pkcs11::ModuleUse> loaded;
    if (wanted.modulePaths.empty())
        loaded = pkcs11::loadRegisteredModules(wanted.module, policy);
    for (const auto& path : wanted.modulePaths)
        loaded.push_back(pkcs11::loadModule(path, wanted.module, policy));
    const pkcs11::MutexLock lock(pkcs11::process::stateMutex());
    if (!modulesLoaded_)
        modules_.swap(loaded);
    modulesLoaded_ = true;
    return list();
}

} // namespace p11::ossl
