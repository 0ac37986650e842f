// SPDX-License-Identifier: Apache-2.0
// One key on two tokens, each behind a test module of its own, beside the same key on one of them.
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/keys.h"
#include "bench/operations.h"
#include "tests/support/test_module.h"

namespace bench {
namespace {

constexpr int threads = 32;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

// A copy of the test module, in front of a copy of SoftHSM (bench/second-hsm.sh).
const test_module::TestModule& second() {
    static const test_module::TestModule module(environment("BENCH_SECOND_MODULE"));
    return module;
}

std::string uri(const std::string& query, const std::string& path = "") {
    return "pkcs11:token=bench;" + path + "object=ec256;type=private?pin-value=1234&" + query;
}

void add(const char* who, const std::string& address, bool secondIsDead) {
    auto* key = providerKeyAt(ownProvider(), address).release(); // for all threads and repetitions
    const auto name = std::string("replicas/P-256/") + who;
    benchmark::RegisterBenchmark(name.c_str(),
                                 [key, secondIsDead](benchmark::State& state) {
                                     if (key == nullptr)
                                         return state.SkipWithError("no key");
                                     if (state.thread_index() == 0 && secondIsDead)
                                         second().setFaults("*:1+=CKR_DEVICE_REMOVED");
                                     signHash(state, key);
                                     if (state.thread_index() == 0)
                                         second().setFaults(nullptr);
                                     state.SetItemsProcessed(state.iterations());
                                 })
        ->UseRealTime()
        ->Threads(threads);
}

} // namespace

void addReplicas() {
    second().configure("PKCS11_TEST_TARGET", environment("BENCH_SECOND_TARGET").c_str());
    second().configure("PKCS11_TEST_FAULT_EFFECT", "close"); // as a token that is pulled out
    const auto one = uri("x-replicas=off", "serial=" + environment("BENCH_FIRST_SERIAL") + ";");
    add("one token", one, false);
    add("two tokens", uri("x-replicas=balance"), false);
    add("two tokens, one of them dead", uri("x-replicas=balance"), true);
    add("two tokens, failover", uri("x-replicas=failover"), false);
}

} // namespace bench
