// SPDX-License-Identifier: Apache-2.0
#include "ossl/job.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "ossl/error_mark.h"
#include "ossl/secret.h"
#include "pkcs11/process.h"

namespace p11::ossl {
namespace {

// How long a job that was resumed before its time waits, so that it does not use up the processor
// where it cannot be paused (ASYNC_block_pause(3)).
constexpr auto shortWait = std::chrono::milliseconds(1);

/// How a server learns that a job can go on. One belongs to a wait context and, as long as they
/// work, to the workers. Jobs use a wait context one after the other.
class Wakeup {
  public:
    explicit Wakeup(int descriptor) : descriptor_(descriptor) {}
    ~Wakeup() { closeDescriptor(); }
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    bool isFromParentProcess() const { return forkCount_ != pkcs11::process::forkCount(); }

    /// A job starts `work`, and its server may have set another callback. False if another job's
    /// work is under way.
    bool begin(std::shared_ptr<JobWork> work, ASYNC_WAIT_CTX* context);
    /// The worker's side: runs `work` unless nobody needs it any more, and tells the server.
    void serve(const std::shared_ptr<JobWork>& work);
    /// True if the work is done. Waits for it for `most`.
    bool isDone(std::chrono::steady_clock::duration most);
    /// The job takes what is done, and its descriptor is not ready any more. Null if that is not
    /// `wanted`.
    std::shared_ptr<JobWork> takeWork(const JobWork* wanted);
    /// The wait context ends: nobody is told any more.
    void abandon();

  private:
    bool isWanted(const std::shared_ptr<JobWork>& work);
    void tell();
    void closeDescriptor();

    const unsigned long forkCount_ = pkcs11::process::forkCount();
    // Recursive: a callback may free the wait context.
    std::recursive_mutex mutex_;
    std::condition_variable_any changed_;
    int descriptor_;
    std::shared_ptr<JobWork> work_;
    bool done_ = false;
    ASYNC_callback_fn callback_ = nullptr;
    void* argument_ = nullptr;
};

bool Wakeup::begin(std::shared_ptr<JobWork> work, ASYNC_WAIT_CTX* context) {
    const std::lock_guard lock(mutex_);
    if (work_ && !done_)
        return false;
    work_ = std::move(work);
    done_ = false;
    if (ASYNC_WAIT_CTX_get_callback(context, &callback_, &argument_) != 1)
        callback_ = nullptr;
    return true;
}

bool Wakeup::isWanted(const std::shared_ptr<JobWork>& work) {
    const std::lock_guard lock(mutex_);
    return work_ == work;
}

void Wakeup::tell() {
    constexpr std::uint64_t one = 1;
    if (callback_ != nullptr)
        callback_(argument_);
    else if (write(descriptor_, &one, sizeof one) < 0)
        pkcs11::trace::step("the descriptor of a wait context cannot be written to");
}

// Told under the lock: who has freed the wait context, and its server's data, is told nothing.
void Wakeup::serve(const std::shared_ptr<JobWork>& work) {
    if (!isWanted(work))
        return;
    work->run();
    const std::lock_guard lock(mutex_);
    if (work_ != work)
        return;
    done_ = true;
    changed_.notify_all();
    tell();
}

bool Wakeup::isDone(std::chrono::steady_clock::duration most) {
    std::unique_lock lock(mutex_);
    if (done_ || most == most.zero()) // which would be a system call
        return done_;
    return changed_.wait_for(lock, most, [this] { return done_; });
}

std::shared_ptr<JobWork> Wakeup::takeWork(const JobWork* wanted) {
    const std::lock_guard lock(mutex_);
    if (work_.get() != wanted)
        return nullptr;
    std::uint64_t count = 0;
    if (read(descriptor_, &count, sizeof count) < 0 && callback_ == nullptr)
        pkcs11::trace::step("the descriptor of a wait context was read by somebody else");
    return std::exchange(work_, nullptr);
}

void Wakeup::closeDescriptor() {
    if (descriptor_ >= 0)
        close(std::exchange(descriptor_, -1));
}

void Wakeup::abandon() {
    const std::lock_guard lock(mutex_);
    work_.reset();
    closeDescriptor();
}

using Owner = std::shared_ptr<Wakeup>;

// Its address is the descriptor's key in wait contexts.
constexpr char descriptorKey = 0;

// The lock of one from before a fork may be held for ever.
void freeWakeup(ASYNC_WAIT_CTX*, const void*, int descriptor, void* data) {
    auto* owner = static_cast<Owner*>(data);
    if ((*owner)->isFromParentProcess()) {
        close(descriptor);
        return;
    }
    (*owner)->abandon();
    delete owner;
}

/// The wait context's Wakeup, which is the wait context's own, and whether its server does not know
/// the descriptor yet.
struct Found {
    Owner* owner = nullptr;
    bool isNew = false;

    Wakeup& wakeup() const { return **owner; }
};

// Nothing where there is no descriptor to be had.
Found makeIn(ASYNC_WAIT_CTX* context) {
    const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0)
        return {};
    auto owner = std::make_unique<Owner>(std::make_shared<Wakeup>(descriptor));
    if (ASYNC_WAIT_CTX_set_wait_fd(context, &descriptorKey, descriptor, owner.get(), freeWakeup) !=
        1)
        return {};
    return {owner.release(), true};
}

Found findIn(ASYNC_WAIT_CTX* context) {
    int descriptor = -1;
    void* data = nullptr;
    if (ASYNC_WAIT_CTX_get_fd(context, &descriptorKey, &descriptor, &data) != 1)
        return makeIn(context);
    const Found known{static_cast<Owner*>(data), false};
    if (!known.wakeup().isFromParentProcess())
        return known;
    // Its descriptor is shared with the parent, which stays with it.
    ASYNC_WAIT_CTX_clear_fd(context, &descriptorKey);
    return makeIn(context);
}

// Errors that others put into the thread's queue meanwhile are no concern of the guard around this
// (ossl/dispatch.h): it is left, and entered again.
void pause() {
    ERR_pop_to_mark();
    ASYNC_pause_job();
    ERR_set_mark();
}

// A server that was told of a descriptor expects a pause. It may resume the job before its time.
void pauseUntilDone(const Found& found) {
    for (bool isDone = !found.isNew && found.wakeup().isDone({}); !isDone;
         isDone = found.wakeup().isDone(shortWait)) {
        pause();
        if (found.wakeup().isFromParentProcess())
            throw pkcs11::Error(pkcs11::Failure::call,
                                "the process forked while the job was paused");
    }
}

// Null if another job uses the wait context.
const JobWork* start(const ProviderContext& provider, pkcs11::Lane lane, const Found& found,
                     const std::shared_ptr<JobWork>& work) {
    auto* context = ASYNC_get_wait_ctx(ASYNC_get_current_job());
    if (!found.wakeup().begin(work, context))
        return nullptr;
    auto inWorker = [wakeup = *found.owner, work] {
        wakeup->serve(work);
        ERR_clear_error(); // what modules and attempts that failed have left
    };
    if (!provider.workers().run(std::move(inWorker), lane, provider.settings().asyncThreads))
        found.wakeup().serve(work);
    ASYNC_WAIT_CTX_set_status(context, ASYNC_STATUS_OK);
    return work.get();
}

} // namespace

void JobWork::run() noexcept {
    try {
        call();
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void JobWork::rethrow() {
    if (failure_)
        std::rethrow_exception(std::exchange(failure_, nullptr));
}

// What is on the job's stack owns nothing while the job is paused.
std::shared_ptr<JobWork> waitForWorker(const ProviderContext& provider, pkcs11::Lane lane,
                                       std::shared_ptr<JobWork> work) {
    auto* context = ASYNC_get_wait_ctx(ASYNC_get_current_job());
    const auto found = provider.settings().asyncThreads == 0 ? Found{} : findIn(context);
    if (found.owner == nullptr) {
        work->run();
        return work;
    }
    const auto* begun = start(provider, lane, found, std::exchange(work, nullptr));
    if (begun == nullptr)
        throw UsageError(Reason::internal, "several jobs share a wait context");
    pauseUntilDone(found);
    auto done = found.wakeup().takeWork(begun);
    if (!done)
        throw UsageError(Reason::internal, "several jobs share a wait context");
    return done;
}

std::size_t runForJob(const ProviderContext& provider, const pkcs11::Token& token,
                      pkcs11::MutableBytes out, TokenWork work) {
    struct Output {
        SecretBytes bytes;
        std::size_t size = 0;
    };
    auto done = runForJob<Output>(provider, pkcs11::laneOf(token),
                                  [work = std::exchange(work, nullptr), room = out.size()] {
                                      Output output{SecretBytes(room)};
                                      output.size = work(output.bytes.all());
                                      return output;
                                  });
    std::ranges::copy(done.bytes, out.begin());
    return done.size;
}

} // namespace p11::ossl
