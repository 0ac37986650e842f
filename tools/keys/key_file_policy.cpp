// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/key_file_policy.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "pkcs11/loading_modules.h"
#include "tools/keys/yaml.h"
#include "tools/shared/error.h"
#include "tools/shared/input.h"
#include "tools/shared/token_uri.h"

namespace p11::tools {
namespace {

namespace fs = std::filesystem;

#if defined(__x86_64__)
constexpr const char* multiarchFolder = "/usr/lib/x86_64-linux-gnu/";
#elif defined(__aarch64__)
constexpr const char* multiarchFolder = "/usr/lib/aarch64-linux-gnu/";
#elif defined(__s390x__)
constexpr const char* multiarchFolder = "/usr/lib/s390x-linux-gnu/";
#elif defined(__powerpc64__)
constexpr const char* multiarchFolder = "/usr/lib/powerpc64le-linux-gnu/";
#else
constexpr const char* multiarchFolder = "/usr/lib/arm-linux-gnueabihf/";
#endif

std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// softhsm2 fits libsofthsm2.so, and softhsm does not.
bool fits(const std::string& file, const std::string& name) {
    const auto at = file.find(name);
    if (at == std::string::npos)
        return false;
    const auto rest = file.substr(at + name.size());
    return rest.empty() || rest.starts_with('.');
}

std::optional<std::string> environment(const char* name) {
    const char* value = ::secure_getenv(name);
    return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

KeyFilePolicy fromFile(const std::string& path) {
    const auto text = readFile(path);
    return KeyFilePolicy::parse(textOf(text), path);
}

} // namespace

KeyFilePolicy KeyFilePolicy::none() {
    KeyFilePolicy policy;
    policy.origin_ = "no modules are allowed, because OCICRYPT_CONFIG is not set";
    return policy;
}

KeyFilePolicy KeyFilePolicy::internal() {
    KeyFilePolicy policy;
    policy.directories_ = {"/usr/lib64/pkcs11/", "/usr/lib/pkcs11/", "/usr/local/lib/pkcs11/",
                           "/usr/lib/softhsm/", multiarchFolder};
    policy.allowed_ = policy.directories_;
    policy.origin_ = "OCICRYPT_CONFIG=internal allows the usual folders";
    return policy;
}

KeyFilePolicy KeyFilePolicy::parse(std::string_view text, const std::string& what) {
    auto root = yaml::parse(text, what);
    const auto inner = yaml::find(root, "pkcs11");
    if (inner.IsDefined())
        root.reset(inner);
    if (!root.IsMap() && !root.IsNull())
        throw Error(what + " is not a list of module-directories and allowed-module-paths");
    KeyFilePolicy policy;
    policy.directories_ =
        yaml::texts(yaml::find(root, "module-directories"), what + ": module-directories");
    policy.allowed_ =
        yaml::texts(yaml::find(root, "allowed-module-paths"), what + ": allowed-module-paths");
    policy.variables_ = yaml::texts(yaml::find(root, "allowed-module-environment"),
                                    what + ": allowed-module-environment");
    policy.origin_ = "the policy is " + what;
    return policy;
}

KeyFilePolicy KeyFilePolicy::fromEnvironment() {
    if (const auto value = environment("OCICRYPT_CONFIG"))
        return *value == "internal" ? internal() : fromFile(*value);
    std::vector<std::string> places;
    if (const auto folder = environment("XDG_CONFIG_HOME"))
        places.push_back(*folder + "/ocicrypt.conf");
    if (const auto home = environment("HOME"))
        places.push_back(*home + "/.config/ocicrypt.conf");
    places.emplace_back("/etc/ocicrypt.conf");
    for (const auto& place : places)
        if (std::error_code ignored; fs::exists(place, ignored))
            return fromFile(place);
    return none();
}

// SoftHSM's configuration names a token's files and no library. An unknown variable might name a
// library.
bool KeyFilePolicy::permitsVariable(std::string_view name) const {
    return name == "SOFTHSM2_CONF" ||
           std::find(variables_.begin(), variables_.end(), name) != variables_.end();
}

// The file to which the path leads, if it may be loaded.
std::optional<std::string> KeyFilePolicy::allowed(const std::string& path) const {
    std::error_code missing;
    const auto real = fs::canonical(path, missing);
    const auto file = missing ? fs::path(path) : real;
    const bool isAllowed =
        std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& one) {
            return path == one ||
                   (one.ends_with('/') && path.starts_with(one) &&
                    path.find('/', one.size()) == std::string::npos &&
                    !pkcs11::loadsOtherModules(path) && !pkcs11::loadsOtherModules(file));
        });
    return isAllowed ? std::optional(file.string()) : std::nullopt;
}

std::string KeyFilePolicy::find(const std::vector<std::string>& folders,
                                const std::string& name) const {
    for (const auto& folder : folders) {
        std::vector<std::string> files;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            files.push_back(entry.path().filename());
        // Sorted, because the order of a folder is arbitrary.
        std::sort(files.begin(), files.end());
        for (const auto& file : files) {
            if (!fits(lowered(file), lowered(name)))
                continue;
            if (auto path = allowed((fs::path(folder) / file).string()))
                return *std::move(path);
        }
    }
    throw KeyError("no module fits module-name=" + name + " (" + origin_ + ")");
}

std::string KeyFilePolicy::module(std::string_view text) const {
    const auto uri = parseUri(text);
    const auto name = uri.moduleName();
    const auto path = uri.modulePath();
    if (path) {
        if (!fs::path(*path).is_absolute())
            throw KeyError("module-path=" + *path + " does not begin with \"/\"");
        std::error_code ignored;
        if (!fs::is_directory(*path, ignored)) {
            if (auto file = allowed(*path))
                return *std::move(file);
            throw KeyError("the module " + *path + " is not allowed (" + origin_ + ")");
        }
    }
    if (!name || name->empty())
        throw KeyError("the URI names no module (module-name or module-path)");
    return find(path ? std::vector{*path} : directories_, *name);
}

} // namespace p11::tools
