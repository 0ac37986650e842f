// SPDX-License-Identifier: Apache-2.0
// The parts of a URI, one by one, to see which of them excludes what.
#pragma once

#include <string>
#include <vector>

#include "tools/inspection/tokens.h"
#include "uri/uri.h"

namespace p11::tools::inspection {

/// The parts that select modules, slots and tokens, normalised: "token=demo". Never a PIN.
std::vector<std::string> tokenParts(const uri::Uri& uri);

/// A URI with this part alone.
std::string uriOfPart(const std::string& part);

/// For "token=..." and "serial=...", the part that names the token with the nearest value; empty if
/// none resembles it.
std::string nearestValue(const std::string& part, const std::vector<SeenToken>& tokens);

} // namespace p11::tools::inspection
