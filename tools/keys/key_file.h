// SPDX-License-Identifier: Apache-2.0
// ocicrypt's key file: a pkcs11: URI, and environment variables for its module.
//
//     pkcs11:
//       uri: pkcs11:token=...;object=...?pin-value=...&module-name=softhsm2
//     module:
//       env:
//         SOFTHSM2_CONF: /home/me/.config/softhsm2/softhsm2.conf
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tools/shared/bytes.h"

namespace p11::tools {

struct KeyFile {
    SecretString uri;
    std::map<std::string, std::string> environment;

    /// Throws Error, naming `what`.
    static KeyFile parse(std::string_view yaml, const std::string& what);
};

class KeyFilePolicy;

/// Sets variables in this process for modules that are loaded later. Throws KeyError for a variable
/// that `policy` does not permit, and for one to which another key file has given another value,
/// because a module reads them only once.
class ModuleEnvironment {
  public:
    void apply(const KeyFile& file, const KeyFilePolicy& policy, const std::string& what);

  private:
    std::map<std::string, std::string> applied_;
};

} // namespace p11::tools
