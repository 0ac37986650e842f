#include "pkcs11/policy.h"

#include <algorithm>
#include <filesystem>

#include "pkcs11/error.h"

namespace pkcs11 {

bool ModulePolicy::allows(const std::string& path) const {
    if (!limits())
        return true;
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    if (error || !path.starts_with('/'))
        return false;
    return std::any_of(paths_.begin(), paths_.end(), [&real](const std::string& allowed) {
        std::error_code missing;
        const auto entry = std::filesystem::canonical(allowed, missing);
        return !missing && (entry == real || entry == real.parent_path());
    });
}

void ModulePolicy::require(const std::string& path) const {
    if (allows(path))
        return;
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error).string();
    const auto shown = error || real == path ? path : path + " (" + real + ")";
    throw Error(Failure::module,
                "the PKCS#11 module " + shown +
                    (path.starts_with('/') ? " is not among pkcs11-allowed-module-paths"
                                           : ": pkcs11-allowed-module-paths asks for an absolute "
                                             "path"));
}

} // namespace pkcs11
