// SPDX-License-Identifier: Apache-2.0
// Threads that wait for tokens in place of the caller's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "pkcs11/mutex.h"
#include "pkcs11/process.h"

namespace p11::pkcs11 {

class Token;

/// What shares a limit: `most` tasks of the same `of` run at once.
struct Lane {
    const void* of = nullptr;
    std::size_t most = 0;
};

/// As many tasks with `token` as it has sessions for; one if its module takes one call at a time.
Lane laneOf(const Token& token);

/// A pool of threads, which are made when they are needed and end after 10 idle seconds. All
/// signals are blocked in them. A forked child begins without threads. Thread-safe.
class Workers {
  public:
    using Task = std::function<void()>;

    Workers() = default;
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Runs `task`, which throws nothing, in one of at most `most` threads, as soon as its lane
    /// has room. False if no thread can be had, or after stop(): then it is not run.
    bool run(Task task, Lane lane, std::size_t most);

    /// Drops the tasks that have not begun, and waits until all threads have ended. False if one
    /// has not by `deadline`: its task goes on.
    bool stop(std::chrono::steady_clock::time_point deadline);
    /// The same for all pools of the process.
    static void stopAll(std::chrono::steady_clock::time_point deadline);

  private:
    class Pool;
    std::shared_ptr<Pool> present();
    std::shared_ptr<Pool> pool();

    std::shared_ptr<Pool> pool_ GUARDED_BY(process::stateMutex());
};

} // namespace p11::pkcs11
