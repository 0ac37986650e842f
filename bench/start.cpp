// SPDX-License-Identifier: Apache-2.0
// The whole process `openssl dgst -sign`: what a build job waits for at each file.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/keys.h"
#include "bench/operations.h"

namespace bench {
namespace {

bool runs(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    int status = -1;
    return posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0 &&
           waitpid(child, &status, 0) == child && status == 0;
}

void add(const char* who, const std::vector<std::string>& options) {
    const std::string folder = std::getenv("BENCH_TOKENS");
    std::vector<std::string> words{"openssl", "dgst", "-sha256", "-out", folder + "/signature"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(folder + "/softhsm2.conf"); // any small file
    benchmark::RegisterBenchmark((std::string("start/P-256/") + who).c_str(),
                                 [words](benchmark::State& state) {
                                     for (auto _ : state)
                                         if (!runs(words))
                                             state.SkipWithError("openssl failed");
                                 })
        ->UseRealTime();
}

} // namespace

void addStart() {
    const std::string uri = "pkcs11:token=bench;object=ec256;type=private";
    const std::string withPin = uri + "?pin-value=1234";
    const auto addProvider = [&](const char* who, const std::string& folder) {
        add(who, {"-provider-path", folder, "-provider", "pkcs11", "-provider", "default", "-sign",
                  withPin});
    };
    add("software", {"-sign", std::string(std::getenv("BENCH_TOKENS")) + "/ec256.pem"});
    addProvider("provider", ownProvider());
    if (const auto folder = latchsetProvider(); !folder.empty())
        addProvider("pkcs11-provider", folder);
    if (haveEngine())
        add("libp11 engine",
            {"-engine", "pkcs11", "-keyform", "engine", "-passin", "pass:1234", "-sign", uri});
}

} // namespace bench
