// SPDX-License-Identifier: Apache-2.0
// A module's life in this process: when its functions may be called, and who may begin and end it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <p11-kit/pkcs11.h>

namespace pkcs11 {

/// Tells the lives of a module in this process from each other; one lasts from C_Initialize to
/// C_Finalize. Sessions and handles are good only in the life in which they were made. 0 means no
/// life.
using Epoch = std::uint32_t;

/// Thread-safe. Calls are inside together; a turn, which calls C_Initialize or C_Finalize, is
/// alone. The whole of it is one atomic word: state, epoch, and the calls inside. No lock, so that
/// nothing is held when the process forks, and nobody waits for anybody while the module is ready.
class Life {
  public:
    enum class State : unsigned {
        ended,  ///< C_Initialize comes before everything else
        turn,   ///< one thread is about to call C_Initialize or C_Finalize; calls wait
        ours,   ///< ready; our C_Initialize answered CKR_OK, so C_Finalize is ours to call
        theirs, ///< ready; somebody else in the process has initialised it
    };

    /// 0 unless the module is ready.
    Epoch epoch() const;
    State state() const;

    /// A call's time inside. Waits while a fork is under way or somebody has the turn.
    class Call {
      public:
        /// `wanted` is the life of the handles that are passed; 0 for a call with none.
        Call(Life& life, Epoch wanted);
        ~Call();
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

        /// CKR_OK if the call may be made. CKR_SESSION_HANDLE_INVALID if the handles are those of
        /// another life. CKR_CRYPTOKI_NOT_INITIALIZED if the module is not ready, the process
        /// exits, or the thread is inside a module already.
        CK_RV verdict() const { return verdict_; }
        /// The module answered CKR_CRYPTOKI_NOT_INITIALIZED: somebody else has ended it.
        void noteEnded() { life_.noteEnded(entered_); }

      private:
        CK_RV enter(Epoch wanted);

        Life& life_;
        Epoch entered_ = 0; ///< 0: it is not inside
        CK_RV verdict_;
    };

    /// Takes the turn if the state is `from` (and the epoch `only`, if that is given). Has to be
    /// followed by cancelTurn() or endTurn().
    bool beginTurn(State from, Epoch only = 0);
    /// With the turn: waits until no call is inside. False if one does not come back by `deadline`.
    bool drain(std::chrono::steady_clock::time_point deadline) const;
    /// Nothing was called: the life before goes on.
    void cancelTurn(State before);
    /// Another life, if `next` is ready. Returns its epoch.
    Epoch endTurn(State next);

    /// Ends the life `epoch`, unless it has ended or somebody has the turn.
    void noteEnded(Epoch epoch);

    /// In the child of fork(), where no other thread is. Only atomics are touched.
    void startAnewInChild();

    /// What waits for a turn or for a call asks again after it.
    static void pause();

  private:
    std::atomic<std::uint64_t> word_;

  public:
    Life();
};

} // namespace pkcs11
