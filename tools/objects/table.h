// SPDX-License-Identifier: Apache-2.0
// Text in columns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace p11::tools::objects {

using Row = std::vector<std::string>; ///< of UTF-8 without control characters

/// `rows`, all of one size, the first of which is the header. The widest columns are cut until a
/// line fits into `width` columns; 0: nothing is cut.
std::string table(const std::vector<Row>& rows, std::size_t width);

/// The columns of the terminal at standard output; 0 if there is none.
std::size_t terminalWidth();

} // namespace p11::tools::objects
