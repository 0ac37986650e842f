// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/progress_line.h"

#include <algorithm>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace p11::tools {
namespace {

constexpr std::chrono::milliseconds interval{200};

// A terminal goes to the next line once the last column is written.
std::size_t room() {
    constexpr std::size_t usual = 80;
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return (known ? size.ws_col : usual) - 1;
}

} // namespace

ProgressLine::ProgressLine()
    : isTerminal_(::isatty(STDERR_FILENO) == 1), due_(Clock::now() + interval) {}

void ProgressLine::show(const std::function<std::string()>& text) {
    if (!isTerminal_ || Clock::now() < due_)
        return;
    const auto line = text().substr(0, room());
    // Blanks over what the last line has more.
    std::fprintf(stderr, "\r%-*s", static_cast<int>(columns_), line.c_str());
    std::fflush(stderr);
    columns_ = std::max(columns_, line.size());
    due_ = Clock::now() + interval;
}

void ProgressLine::erase() {
    if (columns_ == 0)
        return;
    std::fprintf(stderr, "\r%*s\r", static_cast<int>(columns_), "");
    std::fflush(stderr);
    columns_ = 0;
}

} // namespace p11::tools
