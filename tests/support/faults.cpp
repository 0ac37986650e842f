// SPDX-License-Identifier: Apache-2.0
#include "tests/support/faults.h"

#include <limits>

#include "tests/support/config_error.h"
#include "tests/support/names.h"

namespace test_module {

FaultPlan::FaultPlan(const std::string& text) {
    for (const auto& rule : split(text, ','))
        add(rule);
}

// FUNCTION:CALLS=RV with CALLS one of N, N-M, N+, Nms
void FaultPlan::add(const std::string& text) {
    const auto colon = text.find(':');
    const auto equals = text.find('=', colon == std::string::npos ? 0 : colon);
    if (colon == std::string::npos || equals == std::string::npos)
        throw ConfigError("not FUNCTION:CALL=CKR_...: '" + text + "'");
    const auto name = text.substr(0, colon);
    const auto function = findFunction(name);
    if (!function && name != "*")
        throw ConfigError("unknown function: '" + name + "'");

    auto calls = text.substr(colon + 1, equals - colon - 1);
    const bool timed = calls.ends_with("ms");
    calls.resize(calls.size() - (timed ? 2 : 0));
    const bool open = calls.ends_with('+');
    if (open)
        calls.pop_back();
    const auto dash = calls.find('-');
    const auto first = parseNumber(calls.substr(0, dash));
    auto last = open ? std::numeric_limits<unsigned long>::max() : first;
    if (dash != std::string::npos && !open)
        last = parseNumber(calls.substr(dash + 1));
    if (first == 0 || last < first || (open && (timed || dash != std::string::npos)) ||
        (timed && dash != std::string::npos))
        throw ConfigError("no such calls: '" + text + "'");

    const auto rv = parseResult(text.substr(equals + 1));
    auto& rule = rules_.emplace_back();
    rule.function = function;
    rule.first = timed ? 1 : first;
    rule.last = timed ? std::numeric_limits<unsigned long>::max() : last;
    rule.lasts = std::chrono::milliseconds(timed ? first : 0);
    rule.rv = rv;
}

bool FaultPlan::Rule::isOver() {
    if (lasts.count() == 0)
        return false;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    auto since = start.load();
    if (since == 0 && start.compare_exchange_strong(since, now))
        since = now;
    return std::chrono::steady_clock::duration(now - since) > lasts;
}

std::optional<CK_RV> FaultPlan::next(FunctionId id) {
    std::optional<CK_RV> answer;
    for (auto& rule : rules_) {
        if (rule.function && rule.function != id)
            continue;
        const auto call = ++rule.calls; // each rule counts, also behind one that hits
        if (!answer && call >= rule.first && call <= rule.last && !rule.isOver())
            answer = rule.rv;
    }
    return answer;
}

void FaultPlan::restart() {
    for (auto& rule : rules_) {
        rule.calls = 0;
        rule.start = 0;
    }
}

} // namespace test_module
