// SPDX-License-Identifier: Apache-2.0
// Keys that were found or made on a token, with what the provider's configuration says of them.
#pragma once

#include <memory>
#include <string>

#include "ossl/provider_context.h"
#include "pkcs11/object.h"
#include "uri/uri.h"

namespace p11::tokens {

/// The object at `handle` on `pool`, which has `attributes`, and was searched or made by `uri`. Its
/// uses are written to the audit log under `name`, its complete URI without a PIN.
std::shared_ptr<pkcs11::TokenObject> keyObject(const ossl::ProviderContext& context,
                                               const uri::Uri& uri,
                                               std::shared_ptr<pkcs11::SessionPool> pool,
                                               CK_OBJECT_HANDLE handle,
                                               pkcs11::Attributes attributes, std::string name);

} // namespace p11::tokens
