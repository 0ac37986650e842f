// SPDX-License-Identifier: Apache-2.0
// Findings for people.
#pragma once

#include <cstddef>

#include "tools/doctor/report.h"

namespace p11::tools::doctor {

class TextPrinter : public Printer {
  public:
    explicit TextPrinter(bool colours) : colours_(colours) {}
    void section(const std::string& name) override;
    void finding(const Finding& finding) override;
    void end(State worst) override;

  private:
    bool colours_;
    std::size_t warnings_ = 0;
    std::size_t failures_ = 0;
};

/// True if standard output is a terminal that takes colours, and NO_COLOR is not set
/// (no-color.org).
bool wantsColours();

} // namespace p11::tools::doctor
