// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/registry.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>

#include "pkcs11/process.h"
#include "pkcs11/registration.h"
#include "pkcs11/workers.h"

namespace p11::pkcs11 {
namespace {

using CString = std::unique_ptr<char, decltype(&std::free)>;

// How long the exit handler waits for calls of other threads.
constexpr auto exitPatience = std::chrono::milliseconds(200);

// Never destroyed, because exit handlers use it.
auto& modules GUARDED_BY(process::stateMutex()) = *new std::vector<std::unique_ptr<Module>>;

// The list of registered modules as p11-kit returns it. Each list has its own wrappers, which must
// outlive every use. So the process has one, not each provider instance.
class RegisteredList {
  public:
    explicit constexpr RegisteredList(int flags) : flags_(flags) {}

    /// Null if p11-kit could not load what is registered.
    CK_FUNCTION_LIST** get() {
        if (auto** known = list_.load())
            return known;
        auto** fresh = p11_kit_modules_load(nullptr, flags_);
        CK_FUNCTION_LIST** known = nullptr;
        if (fresh == nullptr || list_.compare_exchange_strong(known, fresh))
            return fresh;
        p11_kit_modules_release(fresh); // another thread was first
        return known;
    }

  private:
    int flags_;
    std::atomic<CK_FUNCTION_LIST**> list_{nullptr};
};

constinit RegisteredList directList(P11_KIT_MODULE_UNMANAGED);
constinit RegisteredList managedList(0);

// A module with a call still inside stays as it is, because C_Finalize during a call is undefined.
void finalizeAll() {
    const auto deadline = std::chrono::steady_clock::now() + exitPatience;
    Workers::stopAll(deadline);
    std::vector<Module*> all;
    {
        const MutexLock lock(process::stateMutex());
        for (const auto& module : modules)
            all.push_back(module.get());
    }
    for (auto* module : all)
        module->finalize(deadline);
}

// fork() holds the lock.
void startAllAnew() REQUIRES(process::stateMutex()) {
    for (const auto& module : modules)
        module->resetInChild();
}

Module* findLocked(const std::string& name, const std::string& path)
    REQUIRES(process::stateMutex()) {
    for (const auto& module : modules)
        if (path.empty() ? module->path().empty() && module->name() == name
                         : module->path() == path)
            return module.get();
    return nullptr;
}

Module* find(const std::string& name, const std::string& path) {
    const MutexLock lock(process::stateMutex());
    return findLocked(name, path);
}

// Without `version` the module chooses.
const List30* interfaceOf(GetInterface getInterface, CK_VERSION* version) {
    std::array<CK_UTF8CHAR, 8> name{'P', 'K', 'C', 'S', ' ', '1', '1', 0};
    Interface* found = nullptr;
    if (getInterface(name.data(), version, &found, 0) != CKR_OK || found == nullptr)
        return nullptr;
    const auto* list = static_cast<const List30*>(found->functions);
    return list != nullptr && list->version.major == 3 ? list : nullptr;
}

// p11-kit knows only the functions of 2.40. So those of 3.x come from the library itself, which
// p11-kit keeps open. A version that the library may lack is not asked for first: OpenSC's spy
// would crash.
const List30* interface30(const std::string& path) {
    void* library = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr)
        return nullptr;
    const auto getInterface = reinterpret_cast<GetInterface>(dlsym(library, "C_GetInterface"));
    dlclose(library);
    if (getInterface == nullptr)
        return nullptr;
    if (const auto* list = interfaceOf(getInterface, nullptr))
        return list;
    CK_VERSION version{3, 0};
    return interfaceOf(getInterface, &version);
}

std::string lastMessage() {
    const char* message = p11_kit_message();
    return message != nullptr ? message : "no reason given";
}

// p11-kit's proxy is p11-kit's own library with another name, which p11-kit refuses to load. The
// system finds its bare name.
bool isProxy(const std::string& path) {
    const std::filesystem::path file(path);
    if (file.is_absolute() && file.filename().string().starts_with("libp11-kit.so"))
        return true;
    return file.filename() == "p11-kit-proxy.so" && (file.is_absolute() || !file.has_parent_path());
}

// Stays open, because its own handlers run at the end of the process.
CK_FUNCTION_LIST* loadProxy(const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        throw Error(Failure::module, "cannot load the PKCS#11 module " + path + ": " + dlerror());
    const auto getList =
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    if (getList == nullptr || getList(&functions) != CKR_OK || functions == nullptr)
        throw Error(Failure::module, path + " is not a PKCS#11 module");
    return functions;
}

CK_FUNCTION_LIST* loadFunctions(const std::string& path) {
    if (isProxy(path))
        return loadProxy(path);
    auto* functions = p11_kit_module_load(path.c_str(), P11_KIT_MODULE_UNMANAGED);
    if (functions == nullptr)
        throw Error(Failure::module,
                    "cannot load the PKCS#11 module " + path + ": " + lastMessage());
    return functions;
}

// The first of two threads that load the same module wins.
ModuleUse adopt(CK_FUNCTION_LIST* functions, const std::string& name, const std::string& path,
                const ModuleOptions& options) {
    if (auto* known = find(name, path))
        return ModuleUse(*known);
    auto fresh = std::make_unique<Module>(functions, interface30(path), name, path, options);
    process::installHandlers(finalizeAll, startAllAnew);
    Module* module = nullptr;
    {
        const MutexLock lock(process::stateMutex());
        module = findLocked(name, path);
        if (module == nullptr)
            module = modules.emplace_back(std::move(fresh)).get();
    }
    return ModuleUse(*module);
}

std::string fileStem(const std::string& path) {
    return std::filesystem::path(path).stem().string();
}

std::string optionOf(CK_FUNCTION_LIST* functions, const char* option) {
    const CString value(p11_kit_config_option(functions, option), &std::free);
    return value ? value.get() : "";
}

void adoptList(CK_FUNCTION_LIST** list, bool remoteOnly, const ModuleOptions& common,
               std::vector<ModuleUse>& out) {
    for (auto** entry = list; entry != nullptr && *entry != nullptr; ++entry) {
        const CString name(p11_kit_module_get_name(*entry), &std::free);
        const CString file(p11_kit_module_get_filename(*entry), &std::free);
        if (remoteOnly && file)
            continue;
        ModuleOptions options = common;
        options.speaksToServer = remoteOnly;
        if (const auto own = optionOf(*entry, "x-init-reserved"); !own.empty())
            options.initArgs = own;
        const auto path = file ? ModulePolicy().require(file.get()) : std::string();
        out.push_back(adopt(*entry, name ? name.get() : fileStem(path), path, options));
    }
}

// While a module is being loaded, its use of libcrypto counts as its own, too.
class LoadScope {
  public:
    LoadScope() { process::enterCall(); }
    ~LoadScope() { process::leaveCall(); }
    LoadScope(const LoadScope&) = delete;
    LoadScope& operator=(const LoadScope&) = delete;
};

// p11-kit's clients send all calls through one socket. If the server ends while several threads
// wait for answers, one of them learns it, and the others wait for ever (p11-kit 0.24,
// rpc-transport.c). The server answers one call after the other, so that little is lost.
bool isClientOfServer(const std::string& file) {
    return std::filesystem::path(file).filename() == "p11-kit-client.so";
}

// `file` as ModulePolicy resolved it.
ModuleUse loadFile(const std::string& file, const std::string& name, const ModuleOptions& options) {
    if (auto* known = find(name, file))
        return ModuleUse(*known);
    if (Module::insideCall())
        throw Error(Failure::module, "a module called back into the provider");
    const LoadScope scope;
    auto functions = loadFunctions(file);
    auto own = options;
    own.speaksToServer = isClientOfServer(file);
    return adopt(functions, name, file, own);
}

// As in p11-kit, a module that cannot be loaded is left out unless it is critical.
void loadRegistered(const Registration& registration, const std::string& file,
                    const ModuleOptions& common, std::vector<ModuleUse>& out) try {
    ModuleOptions options = common;
    if (!registration.initArgs.empty())
        options.initArgs = registration.initArgs;
    out.push_back(loadFile(file, registration.name, options));
} catch (const Error&) {
    if (registration.critical)
        throw;
}

// p11-kit would load everything before it tells what is registered. Modules behind a socket or a
// command have no file that a policy could name.
std::vector<ModuleUse> loadAllowed(const ModuleOptions& options, const ModulePolicy& policy) {
    const auto registered =
        registrations(RegistrationFolders::ofTheSystem(), program_invocation_short_name);
    std::vector<ModuleUse> result;
    for (const auto& one : registered)
        if (const auto file = policy.resolve(one.file))
            loadRegistered(one, *file, options, result);
    if (result.empty() && !registered.empty())
        throw Error(Failure::module, "none of the modules that are registered with p11-kit is "
                                     "among pkcs11-allowed-module-paths");
    return result;
}

} // namespace

ModuleUse loadModule(const std::string& path, const ModuleOptions& options,
                     const ModulePolicy& policy) {
    // The policy of this instance counts, whatever others have loaded.
    return loadFile(policy.require(path), fileStem(path), options);
}

std::vector<ModuleUse> loadRegisteredModules(const ModuleOptions& options,
                                             const ModulePolicy& policy) {
    if (policy.limits())
        return loadAllowed(options, policy);
    if (Module::insideCall())
        throw Error(Failure::module, "a module called back into the provider");
    const LoadScope scope;
    std::vector<ModuleUse> result;
    auto** direct = directList.get();
    if (direct == nullptr)
        throw Error(Failure::module,
                    "cannot load the modules registered with p11-kit: " + lastMessage());
    adoptList(direct, false, options, result);
    // Modules behind a socket or a command exist only as p11-kit's own wrappers.
    adoptList(managedList.get(), true, options, result);
    return result;
}

} // namespace p11::pkcs11
