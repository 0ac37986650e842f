// A PKCS#11 module (a shared object): its calls, its life in this process, its slots and tokens.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/error.h"
#include "pkcs11/functions.h"
#include "pkcs11/trace.h"

namespace pkcs11 {

class Token;

/// How a module is started and ended.
struct ModuleOptions {
    std::string initArgs; ///< pReserved of C_Initialize (NSS softokn needs it); empty for none
    bool neverFinalize = false;        ///< quirk no-deinit: C_Finalize is never called
    std::size_t maxIdleSessions = 256; ///< sessions kept for later operations, for each token
};

/// A loaded module. Lives for the rest of the process (its code is never unmapped) and is shared by
/// every provider instance that names the same file. Thread-safe.
class Module {
  public:
    /// `functions` is the module's list, and `functions30` that of its interface 3.x, or null;
    /// `name` is p11-kit's name or the file's, `path` is empty for remote modules.
    Module(CK_FUNCTION_LIST* functions, const List30* functions30, std::string name,
           std::string path, ModuleOptions options);
    ~Module();
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    const std::string& name() const { return name_; }
    const std::string& path() const { return path_; }
    const ModuleOptions& options() const { return options_; }

    /// Calls C_Initialize unless it was done in this process. Throws Error.
    void initialize();

    /// Notes that somebody else ended the module (CKR_CRYPTOKI_NOT_INITIALIZED): the next
    /// initialize() calls C_Initialize again.
    void noteFinalizedByOthers();

    /// Counts users; when the last one goes the module is finalised if it was initialised here.
    void addUser();
    void removeUser();

    /// C_Finalize and C_Initialize, for a module to which there is no way any more otherwise (its
    /// server was restarted, say). Does nothing where a token of it is still connected, a call does
    /// not come back, or C_Finalize is not ours to call. What fails shows in the next call.
    void restart();

    /// C_Finalize, if this process called C_Initialize and nothing forbids it. Every session and
    /// handle is void after.
    void finalize();

    /// Calls a function of the module: `module.call<&CK_FUNCTION_LIST::C_Sign>(...)`. Answers
    /// CKR_FUNCTION_NOT_SUPPORTED where the module has none, and CKR_CRYPTOKI_NOT_INITIALIZED once
    /// the process exits.
    template <auto Member, typename... Args>
    CK_RV call(Args... args);

    /// Slots with a token in them. Throws Error, which names `subject`.
    std::vector<CK_SLOT_ID> slots(std::string_view subject);
    /// Throws Error.
    CK_INFO info();
    /// True if the module has PKCS#11 3.0's functions that sign message after message.
    bool signsMessages() const;
    CK_TOKEN_INFO tokenInfo(CK_SLOT_ID slot);
    CK_SLOT_INFO slotInfo(CK_SLOT_ID slot);

    /// The token with the identity in `info`, made at its first use. Tokens live as long as the
    /// module.
    Token& token(CK_SLOT_ID slot, const CK_TOKEN_INFO& info);

    /// Changes with every C_Initialize and C_Finalize; sessions and handles are valid only in the
    /// epoch in which they were made. 0 while the module is not initialised in this process.
    unsigned long epoch() const;

    /// True if the present thread is inside a call to any module: what reaches the provider then is
    /// the module's own use of libcrypto, which must not be served by a token.
    static bool insideCall();

  private:
    struct Life;
    class CallScope;

    template <typename Function>
    Function find(Function CK_FUNCTION_LIST::*member) const {
        return functions_->*member;
    }
    template <typename Function>
    Function find(Function List30::*member) const {
        return functions30_ != nullptr ? functions30_->*member : nullptr;
    }
    template <typename Function>
    Function find(Function List32::*member) const {
        const auto* list = asList32(functions30_);
        return list != nullptr ? list->*member : nullptr;
    }

    bool isEndable() const;
    bool isUnused();
    bool closeGate();
    void start(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Life>& life);
    CK_RV initializeCall();
    std::shared_ptr<Life> currentLife();

    CK_FUNCTION_LIST* functions_;
    const List30* functions30_;
    std::string name_;
    std::string path_;
    ModuleOptions options_;
    std::atomic<unsigned long> readyGeneration_{0};
    std::atomic<unsigned long> epoch_{0};
    std::atomic<std::mutex*> serial_{nullptr}; ///< set where the module can't lock by itself
    std::atomic<int> inside_{0};               ///< threads in a call
    std::atomic<bool> gate_{false};            ///< closed: calls wait before the module
    // The rest is guarded by process::stateMutex().
    std::shared_ptr<Life> life_;
    int users_ = 0;
    std::vector<std::unique_ptr<Token>> tokens_;
};

/// One call's time inside a module: counts it, marks the thread, and takes the module's mutex where
/// the module can't lock by itself (CKR_CANT_LOCK).
class Module::CallScope {
  public:
    explicit CallScope(Module& module);
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

    /// False if the call must not be made: the process exits, or the thread is inside a module
    /// already.
    bool permitted() const { return permitted_; }

  private:
    Module& module_;
    std::unique_lock<std::mutex> serial_;
    bool permitted_;
};

template <auto Member, typename... Args>
CK_RV Module::call(Args... args) {
    const auto function = find(Member);
    if (function == nullptr)
        return CKR_FUNCTION_NOT_SUPPORTED;
    const CallScope scope(*this);
    if (!scope.permitted())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (trace::level() < 2)
        return function(args...);
    const auto start = std::chrono::steady_clock::now();
    const CK_RV rv = function(args...);
    trace::call(functionName<Member>, rv, std::chrono::steady_clock::now() - start);
    return rv;
}

/// Calls a function of `module` and throws an Error naming `subject` unless it answers CKR_OK.
template <auto Member, typename... Args>
void require(Module& module, std::string_view subject, Args... args) {
    const CK_RV rv = module.call<Member>(args...);
    if (rv != CKR_OK)
        throw callFailed(functionName<Member>, rv, subject);
}

} // namespace pkcs11
