// SPDX-License-Identifier: Apache-2.0
// Work of OpenSSL's asynchronous jobs (ASYNC_start_job(3)): a worker waits for the token, and the
// job is paused meanwhile.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <openssl/async.h>

#include "ossl/provider_context.h"
#include "ossl/secret.h"
#include "pkcs11/bytes.h"
#include "pkcs11/token.h"
#include "pkcs11/workers.h"

namespace p11::ossl {

/// True if the caller is such a job.
inline bool insideJob() {
    return ASYNC_get_current_job() != nullptr;
}

/// What a worker does for a job. It owns what it uses and what it gives, since the job may never be
/// resumed, and its stack be gone. Used by one thread at a time: the worker, and then the job.
class JobWork {
  public:
    JobWork() = default;
    virtual ~JobWork() = default;
    JobWork(const JobWork&) = delete;
    JobWork& operator=(const JobWork&) = delete;

    /// The worker's side. Keeps what is thrown.
    void run() noexcept;
    /// The job's side: throws what was thrown.
    void rethrow();

  private:
    /// Does the work, and drops what it used: the job may unload the provider once it knows of the
    /// end.
    virtual void call() = 0;

    std::exception_ptr failure_;
};

/// Work that returns a `Result`.
template <typename Result>
class JobResult : public JobWork {
  public:
    explicit JobResult(std::function<Result()> work) : work_(std::move(work)) {}

    Result take() {
        rethrow();
        return std::move(result_).value();
    }

  private:
    void call() override {
        const auto work = std::exchange(work_, nullptr);
        result_ = work();
    }

    std::function<Result()> work_;
    std::optional<Result> result_;
};

/// Inside a job: runs `work` in a worker, and pauses the job until it is done. Returns the same
/// work. Runs it in the caller's thread where no worker is to be had (pkcs11-async-threads).
/// Not inside a catch clause, since C++ keeps what is caught for each thread, and not for each job.
/// Throws pkcs11::Error if the process has forked meanwhile.
std::shared_ptr<JobWork> waitForWorker(const ProviderContext& provider, pkcs11::Lane lane,
                                       std::shared_ptr<JobWork> work);

/// The same for what `work` returns and throws.
template <typename Result>
Result runForJob(const ProviderContext& provider, pkcs11::Lane lane, std::function<Result()> work) {
    using Work = JobResult<Result>;
    const auto done =
        waitForWorker(provider, lane, std::make_shared<Work>(std::exchange(work, {})));
    return static_cast<Work&>(*done).take();
}

/// The same for an operation with `token`, which writes to `out` and returns the size of the
/// result. `out` is written to after the job was resumed, and then as a whole.
using TokenWork = std::function<std::size_t(pkcs11::MutableBytes out)>;
std::size_t runForJob(const ProviderContext& provider, const pkcs11::Token& token,
                      pkcs11::MutableBytes out, TokenWork work);

/// Runs `work(operation, in, out)`, which calls `token`, and returns the size of its result.
/// Inside a job a worker does it, with copies of `operation` and `in`, which may be secret.
template <typename Operation, typename Work>
std::size_t runWithToken(const ProviderContext& provider, const pkcs11::Token& token,
                         Operation& operation, pkcs11::ByteView in, pkcs11::MutableBytes out,
                         Work work) {
    if (!insideJob())
        return work(operation, in, out);
    using Copy = std::remove_const_t<Operation>;
    return runForJob(provider, token, out,
                     [copy = std::make_shared<Copy>(operation),
                      data = std::make_shared<const SecretBytes>(in.begin(), in.end()),
                      work](pkcs11::MutableBytes room) { return work(*copy, data->view(), room); });
}

} // namespace p11::ossl
