// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/registration.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <tuple>

#include "pkcs11/error.h"

namespace p11::pkcs11 {
namespace {

namespace fs = std::filesystem;

using Options = std::map<std::string, std::string>;

constexpr std::string_view blanks = " \t\r\n\f\v";

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

// Options that are there already stay.
void readOptions(const fs::path& path, Options& options) {
    std::ifstream file(path);
    if (!file)
        throw Error(Failure::module, path.string() + " cannot be read");
    Options here;
    std::string line;
    while (std::getline(file, line)) {
        const auto text = trimmed(line);
        if (text.empty() || text.starts_with('#'))
            continue;
        const auto colon = text.find(':');
        if (colon == std::string::npos)
            throw Error(Failure::module, path.string() + " has a line without \":\"");
        here[trimmed(text.substr(0, colon))] = trimmed(text.substr(colon + 1));
    }
    options.merge(here);
}

std::map<std::string, Options> readFolders(const std::vector<std::string>& folders) {
    std::map<std::string, Options> all;
    for (const auto& folder : folders) {
        std::error_code missing;
        for (const auto& entry : fs::directory_iterator(folder, missing))
            if (entry.path().extension() == ".module" && !entry.is_directory())
                readOptions(entry.path(), all[entry.path().stem()]);
    }
    return all;
}

std::optional<std::string> optionOf(const Options& options, const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::nullopt : std::optional(found->second);
}

// `list` is separated by blanks or commas.
bool isIn(std::string_view program, std::string list) {
    std::replace(list.begin(), list.end(), ',', ' ');
    for (std::size_t at = 0; (at = list.find_first_not_of(blanks, at)) != std::string::npos;) {
        const auto end = std::min(list.find_first_of(blanks, at), list.size());
        if (std::string_view(list).substr(at, end - at) == program)
            return true;
        at = end;
    }
    return false;
}

bool isEnabled(const Options& options, std::string_view program) {
    if (const auto programs = optionOf(options, "enable-in"))
        return isIn(program, *programs);
    const auto programs = optionOf(options, "disable-in");
    return !programs || !isIn(program, *programs);
}

Registration registrationOf(const std::string& name, const Options& options,
                            const std::string& folder) {
    Registration one;
    one.name = name;
    const auto file = optionOf(options, "module").value_or("");
    if (!file.empty() && optionOf(options, "remote").value_or("").empty())
        one.file = fs::path(folder) / file;
    one.initArgs = optionOf(options, "x-init-reserved").value_or("");
    one.priority = std::atoi(optionOf(options, "priority").value_or("0").c_str());
    one.critical = optionOf(options, "critical") == "yes";
    return one;
}

} // namespace

RegistrationFolders RegistrationFolders::ofTheSystem() {
    return {{P11KIT_SYSTEM_CONFIGURATIONS, P11KIT_PACKAGE_CONFIGURATIONS}, P11KIT_MODULES};
}

std::vector<Registration> registrations(const RegistrationFolders& folders,
                                        std::string_view program) {
    std::vector<Registration> all;
    for (const auto& [name, options] : readFolders(folders.configurations))
        if (isEnabled(options, program))
            all.push_back(registrationOf(name, options, folders.modules));
    std::sort(all.begin(), all.end(), [](const Registration& one, const Registration& other) {
        return std::tie(other.priority, one.name) < std::tie(one.priority, other.name);
    });
    return all;
}

} // namespace p11::pkcs11
