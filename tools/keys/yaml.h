// SPDX-License-Identifier: Apache-2.0
// YAML from outside, with errors that name the place and quote nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace p11::tools::yaml {

/// Throws Error, naming `what` and the line.
YAML::Node parse(std::string_view text, const std::string& what);

/// The member `name` of a mapping, or an undefined node.
YAML::Node find(const YAML::Node& mapping, const char* name);

/// A list of texts; empty if the node is undefined or null. Throws Error, naming `what`.
std::vector<std::string> texts(const YAML::Node& list, const std::string& what);

} // namespace p11::tools::yaml
