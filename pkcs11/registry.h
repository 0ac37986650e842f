// SPDX-License-Identifier: Apache-2.0
// The modules of this process, and who uses them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pkcs11/module.h"
#include "pkcs11/policy.h"

namespace p11::pkcs11 {

/// A share in a module. The module is finalised when its last share ends.
class ModuleUse {
  public:
    explicit ModuleUse(Module& module) : module_(&module) { module.addUser(); }
    ModuleUse(ModuleUse&& other) noexcept : module_(std::exchange(other.module_, nullptr)) {}
    ModuleUse& operator=(ModuleUse&&) = delete;
    ModuleUse(const ModuleUse&) = delete;
    ModuleUse& operator=(const ModuleUse&) = delete;
    ~ModuleUse() {
        if (module_ != nullptr)
            module_->removeUser();
    }
    Module& operator*() const { return *module_; }
    Module* operator->() const { return module_; }

  private:
    Module* module_;
};

/// Loads the module at `path` (or a name relative to p11-kit's module folder) without initialising
/// it. The same file gives the same module again, with the options of the first load. Throws Error.
ModuleUse loadModule(const std::string& path, const ModuleOptions& options,
                     const ModulePolicy& policy);

/// The modules registered with p11-kit for this program (pkcs11.conf(5)), in p11-kit's order, none
/// initialised. Their own init arguments (x-init-reserved) take precedence over those in `options`.
/// If `policy` has a limit, only allowed modules are loaded, and the user's own configuration is
/// not read. Throws Error.
std::vector<ModuleUse> loadRegisteredModules(const ModuleOptions& options,
                                             const ModulePolicy& policy);

} // namespace p11::pkcs11
