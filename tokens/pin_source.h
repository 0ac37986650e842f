// SPDX-License-Identifier: Apache-2.0
// Where PINs come from, in order: URI, configuration, environment, the application's callback.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <openssl/core.h>

#include "ossl/provider_context.h"
#include "pkcs11/pin.h"
#include "pkcs11/token.h"
#include "uri/uri.h"

namespace p11::tokens {

/// OSSL_PASSPHRASE_CALLBACK with its argument; both may be null.
struct PassphraseCallback {
    OSSL_PASSPHRASE_CALLBACK* function = nullptr;
    void* arg = nullptr;
};

/// Asks somebody for the PIN that `prompt` describes. Nothing if nobody answers.
using AskForPin = std::function<std::optional<pkcs11::Pin>(const std::string& prompt)>;

/// Returns a function that calls `callback` and refers to its argument. Empty if `callback` has no
/// function.
AskForPin askWith(PassphraseCallback callback);

/// The sources for a login to `token` that `uri` needs. If the PIN's source is a folder, the PIN is
/// in its file with the token's serial number or label. The result holds references to `context`
/// and `token`. `ask` may be empty. It is called once, however often the login has to be repeated.
/// `namesToken`: it is asked for the PIN of the token, and not for that of the URI.
pkcs11::PinSource pinSource(const uri::Uri& uri, const ossl::ProviderContext& context,
                            const pkcs11::Token& token, AskForPin ask, bool namesToken = false);

/// The PIN for the use of keys that `uri` gives, if any. The result holds a reference to `context`.
pkcs11::PinOwner::Given contextPin(const uri::Uri& uri, const ossl::ProviderContext& context);

/// The path in a pin-source, which is a file: URI or a path (RFC 7512, section 2.4). `name` is that
/// of the attribute. Throws pkcs11::Error for commands ("|..."), which are not run: a URI may come
/// from anywhere.
std::string pinFile(const std::string& name, const std::string& source);

/// True if the URI has a PIN that is not empty, or a PIN source.
bool hasPin(const uri::Uri& uri);

/// True if a PIN is available without asking anybody.
bool hasGivenPin(const uri::Uri& uri, const ossl::Settings& settings);

} // namespace p11::tokens
