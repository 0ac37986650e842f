// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/workers.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include <pthread.h>

#include "pkcs11/token.h"

namespace p11::pkcs11 {
namespace {

constexpr auto idleTime = std::chrono::seconds(10);

/// Blocks all signals for the threads that are made in its scope.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

} // namespace

/// The threads of one process, and what they have to do.
class Workers::Pool : public std::enable_shared_from_this<Pool> {
  public:
    bool isFromParentProcess() const { return forkCount_ != process::forkCount(); }
    bool add(Task& task, Lane lane, std::size_t most);
    bool stop(std::chrono::steady_clock::time_point deadline);

  private:
    struct Queue {
        std::deque<Task> tasks;
        std::size_t running = 0;
        std::size_t most = 0;

        std::size_t runnable() const {
            return std::min(tasks.size(), most - std::min(running, most));
        }
    };
    using Queues = std::map<const void*, Queue>;
    struct Taken {
        Task task;
        const void* lane;
    };

    void serve();
    std::optional<Taken> next();
    void finish(const void* lane);
    std::size_t runnable() const REQUIRES(mutex_);
    bool start(std::size_t most) REQUIRES(mutex_);
    void leave() REQUIRES(mutex_);
    std::vector<std::thread> takeEnded();

    const unsigned long forkCount_ = process::forkCount();
    Mutex mutex_;                   ///< never held while a task runs
    std::condition_variable wake_;  ///< there is something to do
    std::condition_variable ended_; ///< a thread has left
    Queues queues_ GUARDED_BY(mutex_);
    std::map<std::thread::id, std::thread> threads_ GUARDED_BY(mutex_);
    std::vector<std::thread> left_ GUARDED_BY(mutex_); ///< to be joined
    const void* last_ GUARDED_BY(mutex_) = nullptr;    ///< the lane that had the last turn
    std::size_t busy_ GUARDED_BY(mutex_) = 0;          ///< of the threads: those with a task
    bool stopping_ GUARDED_BY(mutex_) = false;
};

namespace {

// Never destroyed: exit handlers use it.
auto& pools GUARDED_BY(process::stateMutex()) = *new std::vector<std::weak_ptr<void>>;

} // namespace

std::size_t Workers::Pool::runnable() const {
    std::size_t sum = 0;
    for (const auto& [lane, queue] : queues_)
        sum += queue.runnable();
    return sum;
}

// A thread that leaves cannot join itself: the next one who comes does.
std::vector<std::thread> Workers::Pool::takeEnded() {
    const MutexLock lock(mutex_);
    return std::exchange(left_, {});
}

bool Workers::Pool::start(std::size_t most) {
    if (runnable() <= threads_.size() - busy_ || threads_.size() >= most)
        return !threads_.empty();
    try {
        const SignalsBlocked blocked;
        std::thread thread([self = shared_from_this()] { self->serve(); });
        threads_.emplace(thread.get_id(), std::move(thread));
    } catch (const std::system_error&) { // no more threads can be had
    }
    return !threads_.empty();
}

bool Workers::Pool::add(Task& task, Lane lane, std::size_t most) {
    for (auto& thread : takeEnded())
        thread.join();
    const MutexLock lock(mutex_);
    if (stopping_)
        return false;
    auto& queue = queues_[lane.of];
    queue.most = lane.most;
    queue.tasks.push_back(std::move(task));
    if (start(most)) {
        wake_.notify_one();
        return true;
    }
    task = std::move(queue.tasks.back());
    queue.tasks.pop_back();
    return false;
}

void Workers::Pool::leave() {
    auto self = threads_.extract(std::this_thread::get_id());
    if (!self.empty())
        left_.push_back(std::move(self.mapped()));
    ended_.notify_all();
}

// Nothing where the thread has to end. The lanes take turns.
std::optional<Workers::Pool::Taken> Workers::Pool::next() {
    MutexLock lock(mutex_);
    const bool woken = lock.waitFor(
        wake_, idleTime, [this]() REQUIRES(mutex_) { return stopping_ || runnable() > 0; });
    if (stopping_ || !woken) {
        leave();
        return std::nullopt;
    }
    const auto mayRun = [](const auto& one) { return one.second.runnable() > 0; };
    auto found = std::find_if(queues_.upper_bound(last_), queues_.end(), mayRun);
    if (found == queues_.end())
        found = std::find_if(queues_.begin(), queues_.end(), mayRun);
    last_ = found->first;
    auto& queue = found->second;
    Taken taken{std::move(queue.tasks.front()), found->first};
    queue.tasks.pop_front();
    ++queue.running;
    ++busy_;
    return taken;
}

void Workers::Pool::finish(const void* lane) {
    const MutexLock lock(mutex_);
    --busy_;
    const auto found = queues_.find(lane);
    if (--found->second.running == 0 && found->second.tasks.empty())
        queues_.erase(found);
}

void Workers::Pool::serve() {
    pthread_setname_np(pthread_self(), "pkcs11-async");
    while (auto taken = next()) {
        taken->task();
        taken->task = nullptr;
        finish(taken->lane);
    }
}

// A module may end the process in a call that one of the threads made: it does not wait for itself.
bool Workers::Pool::stop(std::chrono::steady_clock::time_point deadline) {
    Queues dropped;
    std::vector<std::thread> ended;
    std::map<std::thread::id, std::thread> busy;
    {
        MutexLock lock(mutex_);
        stopping_ = true;
        for (auto& [lane, queue] : queues_)
            dropped[lane].tasks.swap(queue.tasks);
        wake_.notify_all();
        const std::size_t self = threads_.count(std::this_thread::get_id());
        lock.waitFor(ended_, deadline - std::chrono::steady_clock::now(),
                     [&]() REQUIRES(mutex_) { return threads_.size() == self; });
        ended.swap(left_);
        busy.swap(threads_);
    }
    for (auto& thread : ended)
        thread.join();
    for (auto& [id, thread] : busy)
        thread.detach();
    return busy.empty();
}

Lane laneOf(const Token& token) {
    const auto& module = token.module();
    if (module.takesOneCall())
        return {&module, 1};
    std::size_t most = SIZE_MAX;
    const CK_ULONG told = token.info().ulMaxSessionCount;
    if (told != CK_EFFECTIVELY_INFINITE && told != CK_UNAVAILABLE_INFORMATION)
        most = told;
    if (const auto limit = module.options().maxSessions; limit != 0)
        most = std::min(most, limit);
    return {&token, most};
}

Workers::~Workers() {
    stop(std::chrono::steady_clock::now());
}

// Null before the first task. Threads of the parent process do not exist here, and may hold their
// pool's lock for ever.
std::shared_ptr<Workers::Pool> Workers::present() {
    const MutexLock lock(process::stateMutex());
    if (pool_ && pool_->isFromParentProcess())
        process::keepForever(std::exchange(pool_, nullptr));
    return pool_;
}

std::shared_ptr<Workers::Pool> Workers::pool() {
    if (auto known = present())
        return known;
    auto made = std::make_shared<Pool>();
    const MutexLock lock(process::stateMutex());
    if (pool_) // another thread was first
        return pool_;
    std::erase_if(pools, [](const auto& one) { return one.expired(); });
    pools.emplace_back(made);
    return pool_ = made;
}

bool Workers::run(Task task, Lane lane, std::size_t most) {
    return !process::exiting() && pool()->add(task, lane, most);
}

bool Workers::stop(std::chrono::steady_clock::time_point deadline) {
    const auto pool = present();
    return !pool || pool->stop(deadline);
}

void Workers::stopAll(std::chrono::steady_clock::time_point deadline) {
    std::vector<std::shared_ptr<Pool>> all;
    {
        const MutexLock lock(process::stateMutex());
        for (const auto& one : pools)
            if (auto pool = std::static_pointer_cast<Pool>(one.lock()))
                all.push_back(std::move(pool));
    }
    for (const auto& pool : all)
        if (!pool->isFromParentProcess())
            pool->stop(deadline);
}

} // namespace p11::pkcs11
