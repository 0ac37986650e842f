// SPDX-License-Identifier: Apache-2.0
#include "tests/support/counters.h"

#include <atomic>
#include <map>
#include <mutex>
#include <numeric>

#include "tests/support/immortal.h"

namespace test_module {
namespace {

struct Counters {
    std::array<std::atomic<unsigned long>, functionCount> calls{};
    std::atomic<unsigned long> inside{0};
    std::atomic<unsigned long> mostInside{0};
    std::mutex mutex; // guards what follows
    std::map<CK_RV, unsigned long> logins;
};

Counters& counters() {
    static Immortal<Counters> immortal;
    return immortal.value;
}

} // namespace

Inside::Inside() {
    auto& self = counters();
    const auto now = ++self.inside;
    auto most = self.mostInside.load();
    while (most < now && !self.mostInside.compare_exchange_weak(most, now)) {
    }
}

Inside::~Inside() {
    --counters().inside;
}

void countCall(FunctionId id) {
    ++counters().calls[id];
}

unsigned long callCount(FunctionId id) {
    return counters().calls[id];
}

unsigned long totalCalls() {
    const auto& calls = counters().calls;
    return std::accumulate(calls.begin(), calls.end(), 0UL);
}

unsigned long mostInside() {
    return counters().mostInside;
}

void resetCounters() {
    auto& self = counters();
    for (auto& calls : self.calls)
        calls = 0;
    self.mostInside = self.inside.load();
    const std::lock_guard lock(self.mutex);
    self.logins.clear();
}

void countLogin(CK_RV rv) {
    auto& self = counters();
    const std::lock_guard lock(self.mutex);
    ++self.logins[rv];
}

unsigned long loginCount(CK_RV rv) {
    auto& self = counters();
    const std::lock_guard lock(self.mutex);
    const auto found = self.logins.find(rv);
    return found != self.logins.end() ? found->second : 0;
}

void lockCounters() {
    counters().mutex.lock();
}
void unlockCounters() {
    counters().mutex.unlock();
}

void startCountersOfChild() {
    counters().inside = 0; // the child has only the thread that is in fork()
    resetCounters();
}

void releaseCounters() {
    auto& self = counters();
    const std::lock_guard lock(self.mutex);
    self.logins = {};
}

} // namespace test_module
