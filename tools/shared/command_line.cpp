// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/command_line.h"

#include <algorithm>
#include <iostream>

#include <openssl/crypto.h>

#include "ossl/build_information.h"
#include "ossl/words.h"
#include "tools/shared/error.h"
#include "version.h"

namespace p11::tools::command_line {
namespace {

std::string versionOf(const std::string& name) {
    return name + ' ' + projectVersion + " (commit " + ossl::sourceCommit() + ")\nbuilt with " +
           ossl::builtWith() + "\nruns with " + OpenSSL_version(OPENSSL_VERSION);
}

} // namespace

void addCommon(CLI::App& app, const std::string& name, const std::string& all,
               std::string& providerFolder, const std::string& why) {
    app.name(name);
    app.set_help_all_flag("--help-all", all);
    app.set_version_flag("--version", versionOf(name));
    app.add_option("--provider-path", providerFolder, "Folder of pkcs11.so" + why);
}

namespace {

// The word that stands where a command has to; empty if there is none.
std::string commandIn(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        std::string word = argv[i];
        if (word == "--provider-path")
            ++i;
        else if (!word.starts_with('-'))
            return word;
    }
    return {};
}

std::vector<std::string> commandsOf(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* command : app.get_subcommands(nullptr))
        names.push_back(command->get_name());
    return names;
}

void requireCommand(const CLI::App& app, int argc, char** argv) {
    if (app.get_require_subcommand_min() == 0) // the word may be something else
        return;
    const auto names = commandsOf(app);
    const auto word = commandIn(argc, argv);
    if (word.empty() || std::find(names.begin(), names.end(), word) != names.end())
        return;
    std::string all;
    for (const auto& name : names)
        all += (all.empty() ? "" : ", ") + name;
    const auto meant = ossl::nearest(word, names);
    throw Error("there is no command \"" + word + "\"" +
                (meant.empty() ? ". " : "; did you mean " + meant + "? ") + "The commands are " +
                all);
}

} // namespace

bool parse(CLI::App& app, int argc, char** argv) {
    try {
        requireCommand(app, argc, argv);
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

} // namespace p11::tools::command_line
