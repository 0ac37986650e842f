// SPDX-License-Identifier: Apache-2.0
// The same KDF of another provider, for keys that are given as bytes. EVP takes the first KDF with
// a name. If that is this provider's, programs, libssl and the token's own module must not notice.
#pragma once

#include <openssl/kdf.h>

#include "ossl/handles.h"
#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"

namespace p11::kdf {

/// An EVP_KDF_CTX of another provider's KDF. Its errors are the other provider's, in OpenSSL's
/// queue.
class Software {
  public:
    /// Throws UsageError if no other provider has the KDF `name`.
    Software(const ossl::ProviderContext& provider, const char* name);
    /// Throws UsageError if the other provider makes no copies (OpenSSL 3.0).
    Software(const Software& other);
    Software& operator=(const Software&) = delete;
    ~Software() = default;

    void reset() { EVP_KDF_CTX_reset(context_.get()); }
    bool set(const OSSL_PARAM* params);
    bool setBytes(const char* name, pkcs11::ByteView value);
    bool setText(const char* name, const char* value);
    bool get(OSSL_PARAM* params) const;
    bool derive(pkcs11::MutableBytes out);

  private:
    ossl::Owner<EVP_KDF_CTX, EVP_KDF_CTX_free> context_;
};

} // namespace p11::kdf
