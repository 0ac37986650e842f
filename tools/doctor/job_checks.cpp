// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <openssl/async.h>

#include "pkcs11/token.h"
#include "pkcs11/workers.h"
#include "tools/doctor/checks.h"

namespace p11::tools::doctor {
namespace {

using inspection::SeenToken;

constexpr const char* instead = "servers then need a thread or process for each operation that "
                                "waits: see \"Slow tokens\" in docs/servers.md";

// Why no more than `most` operations; "" if the workers are the limit.
std::string limitOf(const SeenToken& seen, std::size_t most, std::size_t workers) {
    if (seen.module->takesOneCall())
        return "its module takes one call at a time";
    if (most >= workers)
        return "";
    const bool isOurs = seen.module->options().maxSessions == most;
    return (isOurs ? "pkcs11-module-max-sessions allows " : "it allows ") + std::to_string(most) +
           (most == 1 ? " session" : " sessions");
}

void tell(Report& report, const SeenToken& seen, std::size_t workers) {
    const auto sessions = pkcs11::laneOf(seen.token()).most;
    const auto most = std::min(sessions, workers);
    const auto limit = limitOf(seen, sessions, workers);
    report.add({State::ok,
                "\"" + seen.label() + "\": " + std::to_string(most) +
                    (most == 1 ? " operation" : " operations") + " at once" +
                    (limit.empty() ? "" : ", since " + limit),
                "",
                {{"label", seen.label()}, {"at_once", most}, {"limit", limit}}});
}

} // namespace

void checkJobs(Report& report, const ossl::Settings& settings,
               const std::vector<SeenToken>& tokens) {
    report.section("jobs");
    const bool isCapable = ASYNC_is_capable() == 1;
    const auto workers = settings.asyncThreads;
    const nlohmann::ordered_json data{{"capable", isCapable}, {"workers", workers}};
    if (!isCapable)
        return report.add(
            {State::ok, "this OpenSSL has no asynchronous jobs (ASYNC_is_capable)", instead, data});
    if (workers == 0)
        return report.add({State::ok,
                           "OpenSSL's asynchronous jobs are not paused: pkcs11-async-threads is 0",
                           instead, data});
    report.add({State::ok,
                "OpenSSL's asynchronous jobs (SSL_MODE_ASYNC) are paused while one of " +
                    std::to_string(workers) + " workers waits for the token (pkcs11-async-threads)",
                "", data});
    for (const auto& seen : tokens)
        tell(report, seen, workers);
}

} // namespace p11::tools::doctor
