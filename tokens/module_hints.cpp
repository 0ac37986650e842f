// SPDX-License-Identifier: Apache-2.0
#include "tokens/module_hints.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "uri/blanks.h"

namespace p11::tokens {
namespace {

namespace fs = std::filesystem;

/// A module that reads a configuration file of its own.
struct Known {
    std::string_view inName; ///< of the module's file
    const char* product;
    const char* variable; ///< names the configuration file
    std::string_view inHome;
    std::array<const char*, 2> defaults;
};

// The names are those in the products' manuals.
constexpr std::array knownModules{
    Known{"softhsm",
          "SoftHSM",
          "SOFTHSM2_CONF",
          "/.config/softhsm2/softhsm2.conf",
          {"/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf"}},
    Known{"opensc-pkcs11", "OpenSC", "OPENSC_CONF", "", {"/etc/opensc/opensc.conf", nullptr}},
    Known{"kryoptic", "Kryoptic", "KRYOPTIC_CONF", "/.config/kryoptic/token.conf", {}},
    Known{"yubihsm_pkcs11", "YubiHSM", "YUBIHSM_PKCS11_CONF", "", {}},
    Known{"cs_pkcs11_R3",
          "Utimaco",
          "CS_PKCS11_R3_CFG",
          "",
          {"/etc/utimaco/cs_pkcs11_R3.cfg", nullptr}},
};

const Known* knownModule(const std::string& path) {
    const auto name = fs::path(path).filename().string();
    const auto* found =
        std::find_if(knownModules.begin(), knownModules.end(), [&name](const Known& known) {
            return name.find(known.inName) != std::string::npos;
        });
    return found == knownModules.end() ? nullptr : found;
}

bool exists(const std::string& path) {
    // A folder on the way that may not be searched hides what is there.
    return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_EACCESS) == 0 || errno == EACCES;
}

bool may(const std::string& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

std::string home() {
    if (const char* variable = std::getenv("HOME"); variable != nullptr && *variable != '\0')
        return variable;
    const auto* user = ::getpwuid(::getuid());
    return user != nullptr ? user->pw_dir : "";
}

std::string configurationOf(const Known& known) {
    if (const char* variable = std::getenv(known.variable))
        return variable;
    auto own = home() + std::string(known.inHome);
    if (!known.inHome.empty() && exists(own))
        return own;
    for (const char* path : known.defaults)
        if (path != nullptr && exists(path))
            return path;
    return known.defaults.front() != nullptr ? known.defaults.front() : "";
}

std::string thisUser() {
    const auto* user = ::getpwuid(::geteuid());
    return user != nullptr ? "user " + std::string(user->pw_name)
                           : "user " + std::to_string(::geteuid());
}

// SoftHSM's softhsm2.conf(5); its default is Debian's.
std::string tokenFolder(const std::string& configuration) {
    std::ifstream file(configuration);
    std::string line;
    std::string folder = "/var/lib/softhsm/tokens/";
    while (std::getline(file, line)) {
        line.resize(std::min(line.find('#'), line.size()));
        const auto equals = line.find('=');
        if (equals != std::string::npos && uri::withoutBlanksAround(std::string_view(line).substr(
                                               0, equals)) == "directories.tokendir")
            folder = uri::withoutBlanksAround(std::string_view(line).substr(equals + 1));
    }
    return folder;
}

// SoftHSM leaves out tokens whose files it may not read and write, and says nothing.
std::vector<ModuleHint> folderHints(const std::string& folder, const std::string& configuration) {
    const auto shown = "SoftHSM's token folder " + folder;
    const auto named = " (directories.tokendir in " + configuration + ")";
    if (!exists(folder))
        return {{shown + named + " does not exist", "make the folder, or correct the path"}};
    if (!may(folder, R_OK | W_OK | X_OK))
        return {{shown + named + " cannot be read and written by " + thisUser(),
                 "add the user to the group that owns it, or use a folder of the user's own"}};
    std::vector<ModuleHint> hints;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (entry.is_directory(error) && !may(entry.path(), R_OK | X_OK))
            hints.push_back(
                {"the token in " + entry.path().string() + " cannot be read by " + thisUser(),
                 "run as the folder's owner, or change the owner with chown -R"});
    return hints;
}

} // namespace

std::string moduleConfiguration(const std::string& path) {
    const auto* known = knownModule(path);
    return known != nullptr ? configurationOf(*known) : "";
}

std::vector<ModuleHint> moduleHints(const std::string& path) {
    const auto* known = knownModule(path);
    const auto file = known != nullptr ? configurationOf(*known) : "";
    if (file.empty())
        return {};
    const auto shown = std::string(known->product) + "'s configuration " + file;
    const auto variable = std::string(known->variable);
    const bool isNamed = std::getenv(known->variable) != nullptr;
    const bool isSoftHsm = known->inName == "softhsm";
    if (!exists(file))
        return isNamed || isSoftHsm
                   ? std::vector<ModuleHint>{{shown + " does not exist",
                                              "set " + variable + " to the configuration file"}}
                   : std::vector<ModuleHint>();
    if (!may(file, R_OK))
        return {{shown + " cannot be read by " + thisUser(),
                 "add the user to the group that may read it (ls -l " + file + "), or set " +
                     variable + " to a file of the user's own"}};
    return isSoftHsm ? folderHints(tokenFolder(file), file) : std::vector<ModuleHint>();
}

std::size_t softHsmTokensInFolder() {
    std::error_code error;
    std::size_t count = 0;
    for (const auto& entry :
         fs::directory_iterator(tokenFolder(configurationOf(knownModules.front())), error))
        count += may(entry.path() / "token.object", R_OK | W_OK) ? 1U : 0U;
    return count;
}

} // namespace p11::tokens
