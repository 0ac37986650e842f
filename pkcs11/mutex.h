// SPDX-License-Identifier: Apache-2.0
// A mutex whose use clang checks while it compiles (-Wthread-safety): a field with GUARDED_BY may
// be used only where its mutex is held. The names of the macros are those of clang's documentation.
// Other compilers see none of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#if defined(__clang__)
#define PKCS11_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define PKCS11_THREAD_ATTRIBUTE(x)
#endif
#define CAPABILITY(name) PKCS11_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY PKCS11_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(mutex) PKCS11_THREAD_ATTRIBUTE(guarded_by(mutex))
#define REQUIRES(...) PKCS11_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) PKCS11_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) PKCS11_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))

namespace p11::pkcs11 {

class CAPABILITY("mutex") Mutex {
  public:
    void lock() ACQUIRE() { mutex_.lock(); }
    void unlock() RELEASE() { mutex_.unlock(); }

  private:
    friend class MutexLock;
    std::mutex mutex_;
};

/// Holds a mutex until the end of its scope.
class SCOPED_CAPABILITY MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
    ~MutexLock() RELEASE() {}
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    /// Gives the mutex up until `condition` is notified and `isMet()`, which is called with the
    /// mutex held, or for `most`. Returns the last isMet().
    template <typename Predicate>
    bool waitFor(std::condition_variable& condition, std::chrono::steady_clock::duration most,
                 Predicate&& isMet) {
        return condition.wait_for(lock_, most, std::forward<Predicate>(isMet));
    }

  private:
    std::unique_lock<std::mutex> lock_;
};

} // namespace p11::pkcs11
