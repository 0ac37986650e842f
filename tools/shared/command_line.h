// SPDX-License-Identifier: Apache-2.0
// The common part of the programs' command lines.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace p11::tools::command_line {

/// Gives `app` its name, --help-all (described by `all`), --version and --provider-path, which sets
/// `providerFolder`. `why` is appended to the description of the latter.
void addCommon(CLI::App& app, const std::string& name, const std::string& all,
               std::string& providerFolder, const std::string& why = {});

/// False for help and the like, which has been printed. Throws Error, without a PIN, for arguments
/// that cannot be understood.
bool parse(CLI::App& app, int argc, char** argv);

/// A program's main: 0, or 1 after an exception, which is printed on standard error with `name`.
int run(const std::string& name, const std::function<void()>& body);

} // namespace p11::tools::command_line
