// SPDX-License-Identifier: Apache-2.0
// What known modules read by themselves, and what of that this process may not: such modules answer
// CKR_GENERAL_ERROR, or have no tokens, and do not say why.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace p11::tokens {

/// A file or folder that a module needs and this process cannot use.
struct ModuleHint {
    std::string
        what; ///< `SoftHSM's configuration /etc/softhsm/softhsm2.conf cannot be read by ...`
    std::string cure;
};

/// The configuration file that the module at `path` reads; empty if it is not known.
std::string moduleConfiguration(const std::string& path);

/// What keeps the module at `path` from its files. Empty if nothing is known to. Opens no file for
/// writing, and asks no module.
std::vector<ModuleHint> moduleHints(const std::string& path);

/// The number of tokens in SoftHSM's token folder that this user can read.
std::size_t softHsmTokensInFolder();

} // namespace p11::tokens
