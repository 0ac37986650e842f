// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "tools/doctor/checks.h"
#include "tools/doctor/signing.h"
#include "tools/shared/error.h"

namespace p11::tools::doctor {
namespace {

// The first use finds out what the token can, and the second may copy the key
// (pkcs11-module-cache-keys).
constexpr unsigned usesUntilSteady = 2;

using Milliseconds = std::chrono::duration<double, std::milli>;

std::string shown(double number, const char* format) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), format, number);
    return text.data();
}

// Empty if one fails.
std::vector<double> measure(OSSL_LIB_CTX* library, EVP_PKEY* key, const Scheme& scheme,
                            unsigned count) {
    std::vector<double> times;
    const auto data = bytesOf("a message of pkcs11-doctor");
    for (unsigned i = 0; i < count; ++i) {
        const auto start = std::chrono::steady_clock::now();
        if (sign(library, key, scheme, data).empty())
            return {};
        times.push_back(Milliseconds(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    return times;
}

// The nearest rank.
double percentile(const std::vector<double>& sorted, std::size_t percent) {
    return sorted[std::min(sorted.size() - 1, (sorted.size() * percent + 99) / 100 - 1)];
}

double sumOf(const std::vector<double>& times) {
    double sum = 0;
    for (const double time : times)
        sum += time;
    return sum;
}

} // namespace

void checkTiming(Report& report, OSSL_LIB_CTX* library, EVP_PKEY* key, bool onlyPss, unsigned count,
                 const CallCounter& counter) {
    report.section("timing");
    const auto scheme = schemeOf(key, onlyPss);
    if (!scheme)
        return report.warn("there are no signatures to measure", "name a key that signs");
    if (measure(library, key, *scheme, usesUntilSteady).empty())
        return report.fail(withReasons("the key does not sign"), "see docs/troubleshooting.md");
    const auto before = counter.calls();
    const auto times = measure(library, key, *scheme, count);
    const auto after = counter.calls();
    if (times.empty())
        return report.fail(withReasons("a signature failed"), "see docs/recovery.md");
    const double p50 = percentile(times, 50);
    const double p99 = percentile(times, 99);
    const double rate = 1000.0 * static_cast<double>(times.size()) / sumOf(times);
    Finding finding{State::ok,
                    std::to_string(count) + " signatures: p50 " + shown(p50, "%.3f") + " ms, p99 " +
                        shown(p99, "%.3f") + " ms, in one thread",
                    "",
                    {{"signatures", count}, {"p50_ms", p50}, {"p99_ms", p99}, {"rate", rate}}};
    if (before && after) {
        const double calls = static_cast<double>(*after - *before) / count;
        finding.what += "; " + shown(calls, "%.2f") + " calls into the module for each";
        finding.data["calls"] = calls;
    }
    report.add(std::move(finding));
    report.ok("that is " + shown(rate, "%.0f") +
              " full TLS handshakes a second for a server with one thread");
}

} // namespace p11::tools::doctor
