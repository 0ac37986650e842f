// SPDX-License-Identifier: Apache-2.0
// benchmarks GROUP [options of Google Benchmark]: operation, load, threads, softhsm, async,
// replicas or start. bench/run.sh runs all.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/operations.h"

int main(int argc, char** argv) {
    const std::string group = argc > 1 ? argv[1] : "";
    if (group == "operation")
        bench::addOperations();
    else if (group == "load")
        bench::addLoading();
    else if (group == "threads")
        bench::addThreads();
    else if (group == "softhsm")
        bench::addSoftHsm();
    else if (group == "async")
        bench::addJobs();
    else if (group == "replicas")
        bench::addReplicas();
    else if (group == "start")
        bench::addStart();
    else {
        std::fprintf(stderr,
                     "usage: %s operation|load|threads|softhsm|async|replicas|start [options]\n",
                     argv[0]);
        return EXIT_FAILURE;
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return EXIT_SUCCESS;
}
