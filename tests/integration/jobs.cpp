// SPDX-License-Identifier: Apache-2.0
#include "jobs.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <poll.h>

#include <gtest/gtest.h>

namespace testing_support {
namespace {

constexpr int patience = 60'000;

std::vector<pollfd> pollsOf(const Job& job) {
    std::vector<pollfd> polls;
    for (const int descriptor : job.descriptors())
        polls.push_back({descriptor, POLLIN, 0});
    return polls;
}

} // namespace

Job::Job(std::function<bool()> body, ASYNC_WAIT_CTX* shared)
    : body_(std::move(body)), own_(shared == nullptr ? ASYNC_WAIT_CTX_new() : nullptr),
      context_(shared == nullptr ? own_.get() : shared) {}

int Job::run(void* argument) {
    auto* self = *static_cast<Job**>(argument);
    self->result_ = self->body_();
    return 1;
}

int Job::go() {
    Job* self = this;
    int returned = 0;
    return ASYNC_start_job(&job_, context_, &returned, run, &self, sizeof(Job*));
}

bool Job::finish() {
    int state = go();
    while (state == ASYNC_PAUSE) {
        if (!isReady(patience)) {
            ADD_FAILURE() << "a job's descriptor does not become ready";
            return false;
        }
        state = go();
    }
    EXPECT_EQ(state, ASYNC_FINISH);
    return result_.value_or(false);
}

std::vector<int> Job::descriptors() const {
    std::size_t count = 0;
    ASYNC_WAIT_CTX_get_all_fds(context_, nullptr, &count);
    std::vector<int> all(count);
    ASYNC_WAIT_CTX_get_all_fds(context_, all.data(), &count);
    return all;
}

bool Job::isReady(int milliseconds) const {
    auto polls = pollsOf(*this);
    return poll(polls.data(), polls.size(), milliseconds) > 0;
}

// One after the other is begun before any is resumed.
bool finishAll(std::vector<std::unique_ptr<Job>>& jobs) {
    std::vector<Job*> open;
    for (const auto& job : jobs)
        if (job->go() == ASYNC_PAUSE)
            open.push_back(job.get());
    while (!open.empty()) {
        std::vector<pollfd> polls;
        for (const Job* job : open)
            for (const auto& one : pollsOf(*job))
                polls.push_back(one);
        if (poll(polls.data(), polls.size(), patience) <= 0) {
            ADD_FAILURE() << open.size() << " jobs are never ready";
            return false;
        }
        std::erase_if(open, [](Job* job) { return job->isReady(0) && job->go() != ASYNC_PAUSE; });
    }
    return std::ranges::all_of(jobs, [](const auto& job) { return job->result() == true; });
}

std::vector<std::string> workers() {
    std::vector<std::string> found;
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", gone)) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (name == "pkcs11-async")
            found.push_back(task.path().filename());
    }
    return found;
}

bool comesTrue(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

} // namespace testing_support
