// SPDX-License-Identifier: Apache-2.0
// Passing found objects to OpenSSL (provider-object(7)).
#pragma once

#include <memory>
#include <string>

#include <openssl/core.h>

#include "keymgmt/key.h"

namespace p11::store {

/// The callback of a load or a decode. Each function returns the callback's result.
struct ObjectCallback {
    OSSL_CALLBACK* function = nullptr;
    void* arg = nullptr;

    int deliverKey(const std::shared_ptr<keymgmt::Key>& key) const;
    int deliverCertificate(const pkcs11::Bytes& der) const;
    /// `description` may be empty.
    int deliverName(const std::string& uri, const std::string& description) const;
};

} // namespace p11::store
