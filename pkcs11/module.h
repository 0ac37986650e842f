// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module (a shared object): its calls, its state in this process, its slots and tokens.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/broken_pipe.h"
#include "pkcs11/constant_time.h"
#include "pkcs11/error.h"
#include "pkcs11/functions.h"
#include "pkcs11/library_state.h"
#include "pkcs11/module_options.h"
#include "pkcs11/probes.h"
#include "pkcs11/process.h"
#include "pkcs11/trace.h"

namespace p11::pkcs11 {

class Token;

/// A loaded module. It lives for the rest of the process, because its code is never unmapped. All
/// provider instances that name the same file share it. Thread-safe.
class Module {
  public:
    /// `functions` is the module's list, and `functions30` is that of its interface 3.x, or null.
    /// `name` is p11-kit's name or the file's. `path` is empty for remote modules.
    Module(CK_FUNCTION_LIST* functions, const List30* functions30, std::string name,
           std::string path, ModuleOptions options);
    ~Module();
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    const std::string& name() const { return name_; }
    const std::string& path() const { return path_; }
    const ModuleOptions& options() const { return options_; }

    /// Calls C_Initialize, unless this process has done so. Returns the initialization that it
    /// starts or finds. Throws Error, also if C_Finalize was called and has not returned.
    InitializationId initialize();

    /// The module that was initialised in `initializationId` reports that it is not: somebody else
    /// has ended it. The next initialize() calls C_Initialize again.
    void noteFinalizedByOthers(InitializationId initializationId) {
        libraryState_.noteFinalized(initializationId);
    }

    /// Counts users. When the last one leaves, the module is finalised if it was initialised here,
    /// as by finalize().
    void addUser();
    void removeUser();

    /// C_Finalize and C_Initialize, for a module that could not reach any token so far
    /// `failed`, for example because its server was restarted. Does nothing unless mayRestart(), or
    /// if a call does not return. Errors show in the next call.
    void restart(InitializationId failed);
    /// False if the initialization `failed` has ended, or C_Finalize is not ours to call.
    bool mayRestart(InitializationId failed) const;

    /// C_Finalize, if this process called C_Initialize and nothing forbids it. Not if a call is
    /// still inside at `deadline`. Afterwards every session and handle is invalid. C_Finalize
    /// itself is waited for as long as ModuleOptions::finalizePatience says. If it takes longer,
    /// the module cannot be used until it has returned.
    void finalize(std::chrono::steady_clock::time_point deadline);

    /// Resets the state to not initialised, in the child of fork().
    void resetInChild();

    /// Calls a function of the module: `module.call<&CK_FUNCTION_LIST::C_Sign>(...)`. Answers
    /// CKR_FUNCTION_NOT_SUPPORTED if the module lacks it, and CKR_CRYPTOKI_NOT_INITIALIZED if the
    /// module is not ready or the process exits. Not for functions that take a handle.
    template <auto Member, typename... Args>
    CK_RV call(Args... args) {
        return callIn<Member>(0, args...);
    }

    /// The same with handles that were made in the initialization `initializationId`. In another it
    /// answers CKR_SESSION_HANDLE_INVALID and calls nothing, because the same numbers may belong to
    /// somebody else by then.
    template <auto Member, typename... Args>
    CK_RV callIn(InitializationId initializationId, Args... args);

    /// Slots with a token in them. Throws Error, which names `subject`.
    std::vector<CK_SLOT_ID> slots(std::string_view subject);
    /// Makes the module look for new tokens, which the first slots() of each initialization does by
    /// itself. Throws Error, which names `subject`.
    void refreshSlots(std::string_view subject);
    /// Throws Error.
    CK_INFO info();
    /// True if the module has PKCS#11 3.0's functions that sign message after message.
    bool signsMessages() const;
    /// Fills `info` and returns C_GetTokenInfo's result. Texts are padded with blanks, whatever
    /// padding the module uses.
    CK_RV readTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO& info);
    CK_SLOT_INFO slotInfo(CK_SLOT_ID slot);

    /// True if the module cannot lock or must not get calls at the same time, so that calls take
    /// turns. Known once it is initialised.
    bool takesOneCall() const { return takesOneCall_; }

    /// The present initialization; 0 while the module is not ready in this process.
    InitializationId initializationId() const { return libraryState_.initializationId(); }

    /// True if this thread is inside a call to any module. What reaches the provider then is the
    /// module's own use of libcrypto, which no token may serve.
    static bool insideCall();

  private:
    struct FinalizeCall;

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

    std::chrono::steady_clock::time_point afterPatience() const;
    InitializationId start();
    void end(std::chrono::steady_clock::time_point deadline);
    void admitOneCall();
    CK_RV initializeCall();
    bool finalizeCall();
    LibraryState::State stateAfterFinalize();
    void finalizeInThread(FinalizeCall& call);

    CK_FUNCTION_LIST* functions_;
    const List30* functions30_;
    std::string name_;
    std::string path_;
    ModuleOptions options_;
    LibraryState libraryState_;
    std::atomic<InitializationId> slotsKnownIn_{
        0}; ///< the initialization in which it has looked for its tokens
    // Only the thread that changes the state changes it.
    std::unique_ptr<std::mutex> serial_;    ///< held around each call if the module cannot lock
    std::atomic<bool> takesOneCall_{false}; ///< the same, for threads without a call
    bool exitsBeforeOthers_ = false;
    int users_ GUARDED_BY(process::stateMutex()) = 0;
};

template <auto Member, typename... Args>
CK_RV Module::callIn(InitializationId initializationId, Args... args) {
    const auto function = find(Member);
    if (function == nullptr)
        return CKR_FUNCTION_NOT_SUPPORTED;
    LibraryState::Call scope(libraryState_, initializationId);
    if (scope.verdict() != CKR_OK)
        return scope.verdict();
    const auto alone = serial_ ? std::unique_lock(*serial_) : std::unique_lock<std::mutex>();
    const NoBrokenPipe pipe(options_.speaksToServer);
    const bool traced = trace::level() >= 2;
    const auto start =
        traced ? std::chrono::steady_clock::now() : decltype(std::chrono::steady_clock::now()){};
    probes::callEntry(functionName<Member>);
    const CK_RV rv = function(args...);
    probes::callReturn(functionName<Member>, rv);
    if (traced)
        trace::call(functionName<Member>, rv, std::chrono::steady_clock::now() - start);
    // No other answer may be distinguished from the rest: C_Decrypt's may depend on the padding.
    if (constant_time::declassify(constant_time::isEqual(rv, CKR_CRYPTOKI_NOT_INITIALIZED)))
        scope.noteFinalized();
    return rv;
}

/// Calls a function of `module`. Throws an Error that names `subject` unless it answers CKR_OK.
template <auto Member, typename... Args>
void require(Module& module, std::string_view subject, Args... args) {
    const CK_RV rv = module.call<Member>(args...);
    if (rv != CKR_OK)
        throw callFailed(functionName<Member>, rv, subject);
}

} // namespace p11::pkcs11
