// SPDX-License-Identifier: Apache-2.0
// Threads that share one EVP_PKEY, beside threads with raw C_ calls in sessions of their own.
#include <functional>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/keys.h"
#include "bench/operations.h"
#include "pkcs11/cryptoki.h"

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

struct Signing {
    const char* name;
    const char* label;
    void (*run)(benchmark::State&, EVP_PKEY*);
    CK_MECHANISM_TYPE mechanism;
    std::size_t size; ///< bytes that the raw call signs
};

constexpr Signing signings[] = {{"P-256", "ec256", signHash, CKM_ECDSA, hashSize},
                                {"RSA-2048", "rsa2048", signHash, CKM_RSA_PKCS, 51},
                                {"Ed25519", "ed25519", signPlain, CKM_EDDSA, hashSize}};

void addFewThreads(const Signing& signing, const char* who,
                   const std::function<void(benchmark::State&)>& body) {
    const auto name = std::string("softhsm/") + signing.name + "/" + who;
    benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->ThreadRange(1, 4);
}

void addProvider(const Signing& signing, const char* who, const std::string& folder) {
    auto* key = providerKey(folder, signing.label).release(); // for all threads and repetitions
    addFewThreads(signing, who, [key, run = signing.run](benchmark::State& state) {
        if (key == nullptr)
            return state.SkipWithError("no key");
        run(state, key);
    });
}

} // namespace

void addSoftHsm() {
    for (const auto& signing : signings) {
        addFewThreads(signing, "raw", [&signing](benchmark::State& state) {
            RawKey key(signing.label);
            Bytes data(signing.size, 1);
            Bytes signature(longest);
            for (auto _ : state)
                key.sign({signing.mechanism, nullptr, 0}, data, signature);
        });
        addProvider(signing, "provider", ownProvider());
        if (const auto folder = latchsetProvider(); !folder.empty())
            addProvider(signing, "pkcs11-provider", folder);
    }
}

void addThreads() {
    add("raw", signRaw);
    addShared("provider", [] { return providerKey(ownProvider(), "ec256"); });
    if (const auto folder = latchsetProvider(); !folder.empty())
        addShared("pkcs11-provider", [folder] { return providerKey(folder, "ec256"); });
    if (haveEngine())
        addShared("libp11 engine", [] { return engineKey("ec256"); });
}

} // namespace bench
