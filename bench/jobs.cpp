// SPDX-License-Identifier: Apache-2.0
// Asynchronous jobs of OpenSSL that sign with one key in one thread (ASYNC_start_job(3)).
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <openssl/async.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/keys.h"
#include "bench/operations.h"

namespace bench {
namespace {

void require(bool good, const char* what) {
    if (good)
        return;
    std::fprintf(stderr, "%s failed\n", what);
    std::abort();
}

/// Signs a hash, one time after the other. Its descriptor is in the epoll set of the server.
class Job {
  public:
    Job(EVP_PKEY* key, int server)
        : server_(server), context_(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr)),
          wait_(ASYNC_WAIT_CTX_new()) {
        require(EVP_PKEY_sign_init(context_.get()) == 1, "EVP_PKEY_sign_init");
    }
    ~Job() { ASYNC_WAIT_CTX_free(wait_); }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    /// Starts it or goes on with it. True if it has made a signature.
    bool go();
    bool isPaused() const { return job_ != nullptr; }

  private:
    static int sign(void* argument);
    void watch();

    int server_;
    p11::ossl::PkeyCtx context_;
    ASYNC_WAIT_CTX* wait_;
    ASYNC_JOB* job_ = nullptr;
    int descriptor_ = -1;
};

int Job::sign(void* argument) {
    auto* self = *static_cast<Job**>(argument);
    const std::array<unsigned char, 32> hash{1};
    std::array<unsigned char, 256> signature{};
    std::size_t size = signature.size();
    return EVP_PKEY_sign(self->context_.get(), signature.data(), &size, hash.data(), hash.size());
}

bool Job::go() {
    Job* self = this;
    int result = 0;
    const int state = ASYNC_start_job(&job_, wait_, &result, sign, &self, sizeof(void*));
    if (state == ASYNC_FINISH) {
        require(result == 1, "EVP_PKEY_sign");
        return true;
    }
    require(state == ASYNC_PAUSE, "ASYNC_start_job");
    watch();
    return false;
}

void Job::watch() {
    if (descriptor_ >= 0)
        return;
    std::size_t one = 1;
    require(ASYNC_WAIT_CTX_get_all_fds(wait_, &descriptor_, &one) == 1, "the descriptor");
    epoll_event event{EPOLLIN, {this}};
    require(epoll_ctl(server_, EPOLL_CTL_ADD, descriptor_, &event) == 0, "epoll_ctl");
}

/// A server with one thread: a job that has made a signature begins with the next.
class Server {
  public:
    Server(EVP_PKEY* key, std::size_t jobs) {
        for (std::size_t i = 0; i < jobs; ++i)
            ready_.push_back(jobs_.emplace_back(std::make_unique<Job>(key, epoll_)).get());
    }
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Serves until another signature is made.
    void waitForOne();

  private:
    void wait();

    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<Job>> jobs_;
    std::deque<Job*> ready_;
};

Server::~Server() {
    ready_.clear();
    while (std::ranges::any_of(jobs_, [](const auto& job) { return job->isPaused(); })) {
        wait();
        for (; !ready_.empty(); ready_.pop_front())
            ready_.front()->go();
    }
    jobs_.clear();
    close(epoll_);
}

void Server::wait() {
    std::array<epoll_event, 64> events{};
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i)
        ready_.push_back(static_cast<Job*>(events.at(static_cast<std::size_t>(i)).data.ptr));
}

void Server::waitForOne() {
    for (bool isSigned = false; !isSigned;) {
        if (ready_.empty())
            wait();
        Job* job = ready_.front();
        ready_.pop_front();
        isSigned = job->go();
        if (isSigned)
            ready_.push_back(job);
    }
}

} // namespace

void addJobs() {
    auto* key = providerKey(ownProvider(), "ec256").release(); // for all repetitions
    benchmark::RegisterBenchmark("async/P-256/no job", [key](benchmark::State& state) {
        signHash(state, key);
        state.SetItemsProcessed(state.iterations());
    })->UseRealTime();
    for (const std::size_t jobs : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) {
        const auto name = "async/P-256/" + std::to_string(jobs);
        benchmark::RegisterBenchmark(name.c_str(), [key, jobs](benchmark::State& state) {
            Server server(key, jobs);
            for (auto _ : state)
                server.waitForOne();
            state.SetItemsProcessed(state.iterations());
        })->UseRealTime();
    }
}

} // namespace bench
