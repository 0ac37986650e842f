// SPDX-License-Identifier: Apache-2.0
// Work of OpenSSL's asynchronous jobs (ASYNC_start_job(3)): a worker waits for the token, and the
// job is paused meanwhile.
#pragma once

#include <functional>
#include <memory>

#include <openssl/async.h>

#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"
#include "pkcs11/token.h"

namespace p11::ossl {

/// True if the caller is such a job.
inline bool insideJob() {
    return ASYNC_get_current_job() != nullptr;
}

/// What a worker does for a job. It owns what it uses, since the job may never be resumed, and its
/// stack be gone. It writes to `out` and returns the size of the result.
using JobWork = std::function<std::size_t(pkcs11::MutableBytes out)>;

/// Inside a job: runs `work` in a worker and pauses the job until it is done. What it throws is
/// thrown here. `out` is written to after the job was resumed, and then as a whole.
/// Runs it in the caller's thread where no worker is to be had (pkcs11-async-threads).
/// Not inside a catch clause, since C++ keeps what is caught for each thread, and not for each job.
/// Throws pkcs11::Error, too, if the process has forked meanwhile.
std::size_t runForJob(const ProviderContext& provider, const pkcs11::Token& token,
                      pkcs11::MutableBytes out, JobWork work);

/// Runs `work(operation, in, out)`, which calls `token`, and returns the size of its result.
/// Inside a job a worker does it, with copies of `operation` and `in`.
template <typename Operation, typename Work>
std::size_t runWithToken(const ProviderContext& provider, const pkcs11::Token& token,
                         Operation& operation, pkcs11::ByteView in, pkcs11::MutableBytes out,
                         Work work) {
    if (!insideJob())
        return work(operation, in, out);
    using Copy = std::remove_const_t<Operation>;
    return runForJob(provider, token, out,
                     [copy = std::make_shared<Copy>(operation),
                      data = pkcs11::Bytes(in.begin(), in.end()),
                      work](pkcs11::MutableBytes room) { return work(*copy, data, room); });
}

} // namespace p11::ossl
