// SPDX-License-Identifier: Apache-2.0
// Threads that share one EVP_PKEY, beside threads with raw C_ calls in sessions of their own.
#include <benchmark/benchmark.h>

#include "bench/keys.h"
#include "bench/operations.h"

namespace bench {
namespace {

constexpr std::size_t hashSize = 32;
constexpr std::size_t longest = 256;
constexpr int mostThreads = 64;

void signRaw(benchmark::State& state) {
    RawKey key("ec256");
    Bytes hash(hashSize, 1);
    Bytes signature(longest);
    for (auto _ : state)
        key.sign({CKM_ECDSA, nullptr, 0}, hash, signature);
    state.SetItemsProcessed(state.iterations());
}

template <typename Body>
void add(const char* who, Body body) {
    benchmark::RegisterBenchmark((std::string("threads/P-256/") + who).c_str(), body)
        ->UseRealTime()
        ->ThreadRange(1, mostThreads);
}

template <typename Source>
void addShared(const char* who, Source source) {
    auto* key = source().release(); // for all threads and repetitions
    add(who, [key](benchmark::State& state) {
        if (key == nullptr)
            return state.SkipWithError("no key");
        signHash(state, key);
        state.SetItemsProcessed(state.iterations());
    });
}

} // namespace

void addThreads() {
    add("raw", signRaw);
    addShared("provider", [] { return providerKey(ownProvider(), "ec256"); });
    if (const auto folder = latchsetProvider(); !folder.empty())
        addShared("pkcs11-provider", [folder] { return providerKey(folder, "ec256"); });
    if (haveEngine())
        addShared("libp11 engine", [] { return engineKey("ec256"); });
}

} // namespace bench
