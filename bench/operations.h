// SPDX-License-Identifier: Apache-2.0
// The groups of benchmarks. Names are "group/what/who"; bench/report.py makes the tables from them.
#pragma once

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

namespace bench {

/// Signs a given hash with a context that is kept: what is left is the provider's own cost.
void signHash(benchmark::State& state, EVP_PKEY* key);

/// Signs a short message with a context of its own each time, by a key that hashes itself.
void signPlain(benchmark::State& state, EVP_PKEY* key);

/// operation/...: time of one operation, without any delay.
void addOperations();
/// load/...: time to find and load a key by its URI. BENCH_OBJECTS says how many the token holds.
void addLoading();
/// threads/...: operations in a second of N threads that share one key, on a token that takes
/// BENCH_DELAY_US for each call.
void addThreads();
/// softhsm/...: the same with 1, 2 and 4 threads on SoftHSM without any delay, for several types of
/// keys.
void addSoftHsm();
/// async/...: signatures of one thread with so many asynchronous jobs of OpenSSL, on a token that
/// takes BENCH_DELAY_US for each call.
void addJobs();
/// replicas/...: one key on two tokens, one of which may be dead (BENCH_FIRST_SERIAL,
/// BENCH_SECOND_MODULE and BENCH_SECOND_TARGET of bench/second-hsm.sh).
void addReplicas();
/// start/...: time of the whole process `openssl dgst -sign`.
void addStart();

} // namespace bench
