// SPDX-License-Identifier: Apache-2.0
// Findings for machines: one JSON object.
#pragma once

#include "tools/doctor/report.h"

namespace p11::tools::doctor {

/// {"state": ..., "sections": [{"name": ..., "findings": [{"state", "what", "advice", "data"}]}]}
class JsonPrinter : public Printer {
  public:
    void section(const std::string& name) override;
    void finding(const Finding& finding) override;
    void end(State worst) override;

  private:
    nlohmann::ordered_json sections_ = nlohmann::ordered_json::array();
};

} // namespace p11::tools::doctor
