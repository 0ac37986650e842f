// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/progress.h"

#include <array>
#include <chrono>
#include <future>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "ossl/job.h"
#include "pkcs11/error.h"
#include "pkcs11/process.h"
#include "pkcs11/trace.h"
#include "pkcs11/workers.h"

namespace p11::keymgmt {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds interval{200};
// How long a thread that has nothing more to do may take to end.
constexpr milliseconds patience{1000};

// The values of EVP_PKEY_CTX_get_keygen_info(3), as BN_generate_prime_ex(3) has them.
constexpr int working = 0;
constexpr int done = 3;

} // namespace

bool Progress::tell(int potential) {
    const std::array params{OSSL_PARAM_construct_int(OSSL_GEN_PARAM_POTENTIAL, &potential),
                            OSSL_PARAM_construct_int(OSSL_GEN_PARAM_ITERATION, &told_),
                            OSSL_PARAM_construct_end()};
    const bool goesOn = callback_(params.data(), arg_) == 1;
    ++told_;
    return goesOn;
}

// Workers of its own: others may wait for the session that the call uses.
pkcs11::KeyPair Progress::during(const std::function<pkcs11::KeyPair()>& call) {
    if (callback_ == nullptr || ossl::insideJob() || context_.settings().asyncThreads == 0)
        return call();
    const auto task = std::make_shared<std::packaged_task<pkcs11::KeyPair()>>(call);
    auto result = task->get_future();
    pkcs11::Workers workers;
    const auto inWorker = [task, step = pkcs11::trace::stepOfThread()] {
        const pkcs11::trace::SameStep same(step);
        (*task)();
        ERR_clear_error(); // what the module has left
    };
    if (!workers.run(inWorker, {this, 1}, 1))
        (*task)();
    tellUntil([&] { return result.wait_for(interval) == std::future_status::ready; });
    workers.stop(std::chrono::steady_clock::now() + patience);
    return result.get();
}

void Progress::tellUntil(const std::function<bool()>& isDone) {
    const auto forks = pkcs11::process::forkCount();
    while (!isDone()) {
        stopped_ = !tell(working) || stopped_;
        if (pkcs11::process::forkCount() != forks) // the thread is the parent's
            throw pkcs11::Error(pkcs11::Failure::call,
                                "the process forked while the token made a key pair");
    }
    if (told_ > 0)
        tell(done);
}

} // namespace p11::keymgmt
