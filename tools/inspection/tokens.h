// SPDX-License-Identifier: Apache-2.0
// Tokens as they are, whether or not a URI fits them.
#pragma once

#include <string>
#include <vector>

#include "ossl/provider_context.h"
#include "pkcs11/module.h"
#include "uri/uri.h"

namespace p11::tools::inspection {

struct SeenToken {
    pkcs11::Module* module;
    pkcs11::InitializationId initializationId;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;

    std::string label() const;
    bool isInitialized() const { return (info.flags & CKF_TOKEN_INITIALIZED) != 0; }
    /// The token, for the functions of the layers below.
    pkcs11::Token& token() const;
};

/// The tokens of `module`, which must be initialised. `problems` gets slots that cannot be read.
/// Throws pkcs11::Error.
std::vector<SeenToken> tokensOf(pkcs11::Module& module, std::vector<std::string>& problems);

/// Those of all modules that the provider uses, as far as they can be read, without those that are
/// not initialised. Throws nothing for a broken module among others.
std::vector<SeenToken> allTokens(ossl::ProviderContext& context);

/// Those that all parts of `uri` fit. Throws pkcs11::Error.
std::vector<SeenToken> fitting(const uri::Uri& uri, const std::vector<SeenToken>& tokens);

/// "login required, write-protected": the flags that matter to a user.
std::string flagsInWords(CK_FLAGS flags);

/// "all tries left", "one try left", "locked" ...
std::string pinInWords(CK_FLAGS flags);

} // namespace p11::tools::inspection
