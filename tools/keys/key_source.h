// SPDX-License-Identifier: Apache-2.0
// From a name to a key: pkcs11: URIs, PEM and DER files, certificates, ocicrypt's key files.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tools/keys/key.h"
#include "tools/keys/key_file.h"
#include "tools/keys/key_file_policy.h"
#include "tools/shared/bytes.h"

namespace p11::tools {

/// Loads keys through OSSL_STORE. A name is a pkcs11: URI or the path of a file, which may follow
/// "pkcs11:", as skopeo's users write. OCICRYPT_CONFIG applies to key files, and the provider's own
/// configuration applies to URIs.
class KeySource {
  public:
    enum class Asking { nobody, theTerminal };

    /// `providerFolder` is the folder of pkcs11.so; "" means OpenSSL's own. `asking`: whom to ask
    /// for a PIN that comes from nowhere else.
    explicit KeySource(std::string providerFolder, Asking asking = Asking::nobody)
        : providerFolder_(std::move(providerFolder)), asking_(asking) {}

    /// A software key, wherever it comes from. Throws KeyError and Error.
    Key publicKey(std::string_view name);
    /// Throws KeyError and Error. Nobody is asked for the pass phrase of a file.
    Key privateKey(std::string_view name);

  private:
    enum class Half { publicOne, privateOne };

    Key load(std::string_view name, Half half);
    Key fromUri(std::shared_ptr<OSSL_LIB_CTX> library, std::string_view uri, Half half);
    Key fromFile(const std::string& path, Half half);
    Key fromKeyFile(const KeyFile& file, const std::string& path, Half half);
    const std::shared_ptr<OSSL_LIB_CTX>& users();
    const KeyFilePolicy& policy();

    std::string providerFolder_;
    Asking asking_;
    std::shared_ptr<OSSL_LIB_CTX> users_;
    std::map<std::string, std::shared_ptr<OSSL_LIB_CTX>> byModule_;
    std::optional<KeyFilePolicy> policy_;
    ModuleEnvironment environment_;
};

} // namespace p11::tools
