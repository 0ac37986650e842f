#include "tests/support/faults.h"

#include <limits>

#include "tests/support/config_error.h"
#include "tests/support/names.h"

namespace test_module {

FaultPlan::FaultPlan(const std::string& text) {
    for (const auto& rule : split(text, ','))
        add(rule);
}

// FUNCTION:CALLS=RV with CALLS one of N, N-M, N+
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
    const bool open = calls.ends_with('+');
    if (open)
        calls.pop_back();
    const auto dash = calls.find('-');
    const auto first = parseNumber(calls.substr(0, dash));
    auto last = open ? std::numeric_limits<unsigned long>::max() : first;
    if (dash != std::string::npos && !open)
        last = parseNumber(calls.substr(dash + 1));
    if (first == 0 || last < first || (open && dash != std::string::npos))
        throw ConfigError("no such calls: '" + text + "'");

    const auto rv = parseResult(text.substr(equals + 1));
    auto& rule = rules_.emplace_back();
    rule.function = function;
    rule.first = first;
    rule.last = last;
    rule.rv = rv;
}

std::optional<CK_RV> FaultPlan::next(FunctionId id) {
    std::optional<CK_RV> answer;
    for (auto& rule : rules_) {
        if (rule.function && rule.function != id)
            continue;
        const auto call = ++rule.calls; // each rule counts, also behind one that hits
        if (!answer && call >= rule.first && call <= rule.last)
            answer = rule.rv;
    }
    return answer;
}

void FaultPlan::restart() {
    for (auto& rule : rules_)
        rule.calls = 0;
}

} // namespace test_module
