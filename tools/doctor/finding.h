// SPDX-License-Identifier: Apache-2.0
// What a check of pkcs11-doctor finds.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace p11::tools::doctor {

enum class State { ok, warning, failure };

/// "ok", "warning", "failure"
const char* nameOf(State state);

struct Finding {
    State state = State::ok;
    std::string what;
    std::string advice;               ///< what to do; may be empty
    nlohmann::ordered_json data = {}; ///< the same for machines, for `--json`; may be null
};

} // namespace p11::tools::doctor
