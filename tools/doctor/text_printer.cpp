// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/text_printer.h"

#include <cstdlib>
#include <string_view>

#include <unistd.h>

#include "tools/shared/output.h"

namespace p11::tools::doctor {
namespace {

// ECMA-48, "select graphic rendition".
const char* colourOf(State state) {
    switch (state) {
    case State::ok:
        return "\x1B[32m";
    case State::warning:
        return "\x1B[33m";
    default:
        return "\x1B[31m";
    }
}

std::string counted(std::size_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

} // namespace

void TextPrinter::section(const std::string& name) {
    writeStandardOutput(name + "\n");
}

void TextPrinter::finding(const Finding& finding) {
    warnings_ += finding.state == State::warning ? 1 : 0;
    failures_ += finding.state == State::failure ? 1 : 0;
    std::string label = nameOf(finding.state);
    label.resize(8, ' ');
    if (colours_)
        label = colourOf(finding.state) + label + "\x1B[0m";
    writeStandardOutput("  " + label + finding.what + "\n" +
                        (finding.advice.empty() ? "" : "          -> " + finding.advice + "\n"));
}

void TextPrinter::end(State worst) {
    if (worst == State::ok)
        writeStandardOutput("All is well.\n");
    else
        writeStandardOutput(counted(failures_, "failure") + ", " + counted(warnings_, "warning") +
                            ".\n");
}

bool wantsColours() {
    const char* none = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && (none == nullptr || *none == '\0') &&
           terminal != nullptr && terminal != std::string_view("dumb");
}

} // namespace p11::tools::doctor
