// SPDX-License-Identifier: Apache-2.0
// A module's life in this process: when its functions may be called, and who may start and end it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <p11-kit/pkcs11.h>

namespace pkcs11 {

/// Identifies a life of a module in this process, which lasts from C_Initialize to C_Finalize.
/// Sessions and handles are valid only in the life in which they were made. 0 means no life.
using Epoch = std::uint32_t;

/// Thread-safe. Many calls may be inside together, but a turn, which calls C_Initialize or
/// C_Finalize, is alone. The state is one atomic word: state, epoch, and the number of calls
/// inside. There is no lock, so no thread holds one when the process forks, and no thread waits
/// while the module is ready.
class Life {
  public:
    enum class State : unsigned {
        ended,  ///< C_Initialize must come first
        turn,   ///< one thread is about to call C_Initialize or C_Finalize; calls wait
        ours,   ///< ready; our C_Initialize answered CKR_OK, so we call C_Finalize
        theirs, ///< ready; somebody else in the process has initialised it
        ending, ///< nobody waits any more for C_Finalize, which has not returned
    };

    /// 0 unless the module is ready.
    Epoch epoch() const;
    State state() const;

    /// The scope of a call. Waits while a fork is under way or somebody has the turn.
    class Call {
      public:
        /// `wanted` is the life of the handles that are passed; 0 if there are none.
        Call(Life& life, Epoch wanted);
        ~Call();
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

        /// CKR_OK if the call may be made. CKR_SESSION_HANDLE_INVALID if the handles belong to
        /// another life. CKR_CRYPTOKI_NOT_INITIALIZED if the module is not ready, the process
        /// exits, or the thread is already inside a module.
        CK_RV verdict() const { return verdict_; }
        /// The module answered CKR_CRYPTOKI_NOT_INITIALIZED: somebody else has ended it.
        void noteEnded() { life_.noteEnded(entered_); }

      private:
        CK_RV enter(Epoch wanted);

        Life& life_;
        Epoch entered_ = 0; ///< 0: not inside
        CK_RV verdict_;
    };

    /// Takes the turn if the state is `from` (and the epoch is `only`, if given). cancelTurn() or
    /// endTurn() must follow.
    bool beginTurn(State from, Epoch only = 0);
    /// With the turn: waits until no call is inside. False if one does not return by `deadline`.
    bool drain(std::chrono::steady_clock::time_point deadline) const;
    /// Nothing was called: the previous life continues.
    void cancelTurn(State before);
    /// Starts another life, if `next` is ready. Returns its epoch.
    Epoch endTurn(State next);

    /// Ends the life `epoch`, unless it has ended or somebody has the turn.
    void noteEnded(Epoch epoch);

    /// In the child of fork(), where no other thread exists. Touches only atomics.
    void startAnewInChild();

    /// Waits for a moment, before a thread asks again for a turn or a call.
    static void pause();

  private:
    std::atomic<std::uint64_t> word_;

  public:
    Life();
};

} // namespace pkcs11
