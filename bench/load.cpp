// SPDX-License-Identifier: Apache-2.0
// Loading a key by its URI in a running process, beside finding it by raw C_ calls.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "bench/keys.h"
#include "bench/operations.h"

namespace bench {

void addLoading() {
    const char* objects = std::getenv("BENCH_OBJECTS");
    const std::string prefix = std::string("load/") + (objects != nullptr ? objects : "few") + "/";
    const auto addProvider = [&](const char* who, const std::string& folder) {
        benchmark::RegisterBenchmark((prefix + who).c_str(), [folder](benchmark::State& state) {
            for (auto _ : state)
                if (!providerKey(folder, "rsa2048"))
                    state.SkipWithError("no key");
        })->UseRealTime();
    };
    addProvider("provider", ownProvider());
    if (const auto folder = latchsetProvider(); !folder.empty())
        addProvider("pkcs11-provider", folder);
    benchmark::RegisterBenchmark((prefix + "raw").c_str(), [](benchmark::State& state) {
        RawKey key("rsa2048");
        for (auto _ : state)
            key.findAgain();
    })->UseRealTime();
}

} // namespace bench
