// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/command_line.h"

#include <iostream>

#include "tools/shared/error.h"
#include "version.h"

namespace tools::command_line {

void addCommon(CLI::App& app, const std::string& name, const std::string& all,
               std::string& providerFolder, const std::string& why) {
    app.name(name);
    app.set_help_all_flag("--help-all", all);
    app.set_version_flag("--version", projectVersion);
    app.add_option("--provider-path", providerFolder, "Folder of pkcs11.so" + why);
}

bool parse(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
        return true;
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0)
            throw Error(withoutPin(error.what()));
        app.exit(error);
        return false;
    }
}

int run(const std::string& name, const std::function<void()>& body) {
    try {
        body();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << name << ": " << message(error.what()) << '\n';
        return 1;
    }
}

} // namespace tools::command_line
