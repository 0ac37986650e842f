// SPDX-License-Identifier: Apache-2.0
// Asynchronous jobs of OpenSSL (ASYNC_start_job(3)), as a server with one thread runs them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/async.h>

/// For tests in which a job throws: AddressSanitizer takes a job's stack for the thread's, and
/// reports errors that are none (https://github.com/google/sanitizers/issues/189).
#if defined(__SANITIZE_ADDRESS__)
#define SKIP_WHERE_JOBS_CANNOT_THROW() GTEST_SKIP() << "AddressSanitizer does not know jobs"
#else
#define SKIP_WHERE_JOBS_CANNOT_THROW()
#endif

namespace testing_support {

struct FreeWaitContext {
    void operator()(ASYNC_WAIT_CTX* context) const { ASYNC_WAIT_CTX_free(context); }
};
using WaitContext = std::unique_ptr<ASYNC_WAIT_CTX, FreeWaitContext>;

/// A job that runs `body`, with a wait context of its own or a given one. If it is destroyed while
/// it is paused, nobody resumes it.
class Job {
  public:
    explicit Job(std::function<bool()> body) : Job(std::move(body), nullptr) {}
    Job(std::function<bool()> body, ASYNC_WAIT_CTX* shared);
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    /// Starts it or goes on with it, whether it is ready or not. Returns ASYNC_PAUSE, ASYNC_FINISH,
    /// or the like.
    int go();
    /// Goes on, whenever its descriptor is ready, until it ends. True if `body` returned true.
    bool finish();
    /// What `body` returned, once it has.
    std::optional<bool> result() const { return result_; }

    ASYNC_WAIT_CTX* waitContext() const { return context_; }
    /// The descriptors of its wait context.
    std::vector<int> descriptors() const;
    /// True if one of them is ready, or becomes so within `milliseconds`.
    bool isReady(int milliseconds) const;
    /// Frees the wait context, as a server does whose client has hung up.
    void abandon() { own_.reset(); }

  private:
    static int run(void* argument);

    std::function<bool()> body_;
    WaitContext own_;
    ASYNC_WAIT_CTX* context_;
    ASYNC_JOB* job_ = nullptr;
    std::optional<bool> result_;
};

/// Goes on with whichever job is ready, in this thread, until all have ended. True if the body of
/// each returned true.
bool finishAll(std::vector<std::unique_ptr<Job>>& jobs);

/// The thread numbers of the provider's workers in this process.
std::vector<std::string> workers();

/// Waits until `condition()`; false if that takes a minute.
bool comesTrue(const std::function<bool()>& condition);

} // namespace testing_support
