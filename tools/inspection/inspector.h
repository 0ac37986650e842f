// SPDX-License-Identifier: Apache-2.0
// The provider's own layers in this program, to look at what the provider does not tell: settings,
// modules, tokens, attributes.
#pragma once

#include <memory>

#include "ossl/handles.h"
#include "ossl/provider_context.h"
#include "tools/inspection/users_configuration.h"

namespace p11::tools::inspection {

/// A provider in this program with the settings that the user's configuration and environment give
/// pkcs11.so. It offers OpenSSL nothing. The modules that it loads end with it.
class Inspector {
  public:
    /// Throws Error.
    explicit Inspector(const UsersConfiguration& configuration);
    ossl::ProviderContext& context() const;

  private:
    ossl::LibCtx library_;
    ossl::Provider provider_; ///< goes before the context
};

} // namespace p11::tools::inspection
