// SPDX-License-Identifier: Apache-2.0
// The findings of all checks, on their way to a printer.
#pragma once

#include <string>

#include "tools/doctor/finding.h"

namespace p11::tools::doctor {

/// Shows findings as they come: a module may hang or crash at the next one.
class Printer {
  public:
    Printer() = default;
    virtual ~Printer() = default;
    Printer(const Printer&) = delete;
    Printer& operator=(const Printer&) = delete;
    /// The next findings belong to the section `name`.
    virtual void section(const std::string& name) = 0;
    virtual void finding(const Finding& finding) = 0;
    /// After the last one.
    virtual void end(State worst) = 0;
};

class Report {
  public:
    explicit Report(Printer& printer) : printer_(printer) {}

    void section(const std::string& name) { printer_.section(name); }
    /// Takes PINs and control characters out of the texts.
    void add(Finding finding);
    void ok(const std::string& what, const std::string& advice = {});
    void warn(const std::string& what, const std::string& advice);
    void fail(const std::string& what, const std::string& advice);

    /// Ends the printer. Returns the program's exit status: 0, 1 (warnings) or 2 (failures).
    int end();

  private:
    Printer& printer_;
    State worst_ = State::ok;
};

} // namespace p11::tools::doctor
