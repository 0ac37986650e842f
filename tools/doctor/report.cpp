// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/report.h"

#include <algorithm>

#include "tools/shared/error.h"

namespace p11::tools::doctor {

const char* nameOf(State state) {
    switch (state) {
    case State::ok:
        return "ok";
    case State::warning:
        return "warning";
    default:
        return "failure";
    }
}

void Report::add(Finding finding) {
    finding.what = message(finding.what);
    finding.advice = message(finding.advice);
    worst_ = std::max(worst_, finding.state);
    printer_.finding(finding);
}

void Report::ok(const std::string& what, const std::string& advice) {
    add({State::ok, what, advice});
}

void Report::warn(const std::string& what, const std::string& advice) {
    add({State::warning, what, advice});
}

void Report::fail(const std::string& what, const std::string& advice) {
    add({State::failure, what, advice});
}

int Report::end() {
    printer_.end(worst_);
    return static_cast<int>(worst_);
}

} // namespace p11::tools::doctor
