// SPDX-License-Identifier: Apache-2.0
// The state of a module (a Cryptoki library) in this process: when its functions may be called, and
// who may initialize and finalize it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <p11-kit/pkcs11.h>

namespace p11::pkcs11 {

/// Counts the initializations of a module in this process. Sessions and handles are valid only in
/// the initialization in which they were made, from C_Initialize to C_Finalize. 0 means none.
using InitializationId = std::uint32_t;

/// Thread-safe. Many calls may be inside together, but a change, which calls C_Initialize or
/// C_Finalize, is alone. The state is one atomic word: state, initialization id, and the number of
/// calls inside. There is no lock, so no thread holds one when the process forks, and no thread
/// waits while the module is ready.
class LibraryState {
  public:
    enum class State : unsigned {
        notInitialized,      ///< C_Initialize must come first
        changing,            ///< one thread is about to call C_Initialize or C_Finalize; calls wait
        initialized,         ///< ready; our C_Initialize answered CKR_OK, so we call C_Finalize
        initializedByOthers, ///< ready; somebody else in the process has initialised it
        finalizing,          ///< nobody waits any more for C_Finalize, which has not returned
    };

    /// 0 unless the module is ready.
    InitializationId initializationId() const;
    State state() const;

    /// The scope of a call. Waits while a fork or a change is under way.
    class Call {
      public:
        /// `wanted` is the initialization of the handles that are passed; 0 if there are none.
        Call(LibraryState& state, InitializationId wanted);
        ~Call();
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

        /// CKR_OK if the call may be made. CKR_SESSION_HANDLE_INVALID if the handles belong to
        /// another initialization. CKR_CRYPTOKI_NOT_INITIALIZED if the module is not ready, the
        /// process exits, or the thread is already inside a module.
        CK_RV verdict() const { return verdict_; }
        /// The module answered CKR_CRYPTOKI_NOT_INITIALIZED: somebody else has finalized it.
        void noteFinalized() { libraryState_.noteFinalized(entered_); }

      private:
        CK_RV enter(InitializationId wanted);

        LibraryState& libraryState_;
        InitializationId entered_ = 0; ///< 0: not inside
        CK_RV verdict_;
    };

    /// Begins a change if the state is `from` (and the initialization is `only`, if given).
    /// cancelChange() or endChange() must follow.
    bool beginChange(State from, InitializationId only = 0);
    /// During a change: waits until no call is inside. False if one does not return by `deadline`.
    bool drain(std::chrono::steady_clock::time_point deadline) const;
    /// Nothing was called: the previous initialization continues.
    void cancelChange(State before);
    /// Starts another initialization, if `next` is ready. Returns its id.
    InitializationId endChange(State next);

    /// Ends this initialization, unless it has ended or a change is under way.
    void noteFinalized(InitializationId initializationId);

    /// In the child of fork(), where no other thread exists. Touches only atomics.
    void resetInChild();

    /// Waits for a moment, before a thread asks again for a change or a call.
    static void pause();

  private:
    std::atomic<std::uint64_t> word_;

  public:
    LibraryState();
};

} // namespace p11::pkcs11
