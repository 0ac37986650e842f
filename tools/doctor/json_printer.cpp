// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/json_printer.h"

#include "tools/shared/output.h"

namespace p11::tools::doctor {

using Json = nlohmann::ordered_json;

void JsonPrinter::section(const std::string& name) {
    sections_.push_back(Json{{"name", name}, {"findings", Json::array()}});
}

void JsonPrinter::finding(const Finding& finding) {
    Json entry{{"state", nameOf(finding.state)}, {"what", finding.what}};
    if (!finding.advice.empty())
        entry["advice"] = finding.advice;
    if (!finding.data.is_null())
        entry["data"] = finding.data;
    sections_.back()["findings"].push_back(entry);
}

void JsonPrinter::end(State worst) {
    const Json all{{"state", nameOf(worst)}, {"sections", sections_}};
    writeStandardOutput(all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace p11::tools::doctor
