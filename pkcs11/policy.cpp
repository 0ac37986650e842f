// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/policy.h"

#include <algorithm>
#include <filesystem>

#include "pkcs11/error.h"
#include "pkcs11/loading_modules.h"

namespace p11::pkcs11 {
namespace {

namespace fs = std::filesystem;

// Without symbolic links. Nothing for relative paths and for what does not exist.
std::optional<fs::path> real(const std::string& path) {
    if (!path.starts_with('/'))
        return std::nullopt;
    std::error_code error;
    auto file = fs::canonical(path, error);
    return error ? std::nullopt : std::optional(std::move(file));
}

} // namespace

std::optional<std::string> ModulePolicy::resolve(const std::string& path) const {
    const auto file = real(path);
    if (!limits())
        return file ? file->string() : path;
    if (!file)
        return std::nullopt;
    const bool isAllowed =
        std::any_of(paths_.begin(), paths_.end(), [&file](const std::string& allowed) {
            const auto entry = real(allowed);
            return entry == file || (entry == file->parent_path() && !loadsOtherModules(*file));
        });
    return isAllowed ? std::optional(file->string()) : std::nullopt;
}

std::string ModulePolicy::require(const std::string& path) const {
    if (auto file = resolve(path))
        return *std::move(file);
    const auto file = real(path);
    const auto shown = !file || *file == path ? path : path + " (" + file->string() + ")";
    throw Error(Failure::module,
                "the PKCS#11 module " + shown +
                    (path.starts_with('/')
                         ? " is not among pkcs11-allowed-module-paths"
                         : ": pkcs11-allowed-module-paths requires an absolute path"));
}

} // namespace p11::pkcs11
