// SPDX-License-Identifier: Apache-2.0
// AES keys that already exist on a token.
#pragma once

#include <memory>

#include "skeymgmt/secret_key.h"
#include "uri/uri.h"

namespace p11::skeymgmt {

/// The one AES key that `uri` names, after a login if it is invisible without. Throws pkcs11::Error
/// if there is none, or if several fit.
std::shared_ptr<SecretKey> findKey(ossl::ProviderContext& provider, const uri::Uri& uri);

/// The key that was found or made at `handle` for `uri`. Reads its attributes.
std::shared_ptr<SecretKey> keyAt(ossl::ProviderContext& provider, const uri::Uri& uri,
                                 const std::shared_ptr<pkcs11::SessionPool>& pool,
                                 pkcs11::Session& session, CK_OBJECT_HANDLE handle);

} // namespace p11::skeymgmt
