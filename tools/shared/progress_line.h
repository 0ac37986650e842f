// SPDX-License-Identifier: Apache-2.0
// How far something long has come, for people only: in one line at a terminal, which is gone at the
// end.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace p11::tools {

/// A line on standard error if that is a terminal, and nothing otherwise. It appears after a fifth
/// of a second, and changes five times a second at most. Used by one thread.
class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine() { erase(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    /// `text()` is called only if the line is due. It is cut to the terminal's width.
    void show(const std::function<std::string()>& text);
    /// Before anything else is printed to the terminal.
    void erase();

  private:
    using Clock = std::chrono::steady_clock;

    const bool isTerminal_;
    Clock::time_point due_;
    std::size_t columns_ = 0; ///< of the line that is there
};

} // namespace p11::tools
