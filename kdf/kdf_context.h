// SPDX-License-Identifier: Apache-2.0
// What an EVP_KDF_CTX of this provider holds.
#pragma once

#include <memory>

#include "kdf/parameters.h"
#include "kdf/software.h"
#include "kdf/token_hkdf.h"
#include "pkcs11/bytes.h"

namespace p11::kdf {

enum class Algorithm { hkdf, tls13 };

/// Derives with a key on a token. If the key is given as bytes, another provider does it. Used by
/// one thread at a time. Functions throw UsageError and pkcs11::Error, or return false after the
/// other provider has raised its error.
class KdfContext {
  public:
    KdfContext(ossl::ProviderContext& provider, Algorithm algorithm);

    const ossl::Core& core() const { return provider_.core(); }

    void reset();
    /// The other provider judges all of them, because the key may come later. With pkcs11_uri, the
    /// key is on a token.
    bool set(const OSSL_PARAM* params);
    bool get(OSSL_PARAM* params) const { return software_.get(params); }
    /// A key of an EVP_SKEY (OpenSSL 3.6), for the parameter `name`.
    bool setKey(std::shared_ptr<skeymgmt::SecretKey> key, const char* name);
    bool derive(pkcs11::MutableBytes out);

  private:
    void setUri(const OSSL_PARAM* params);
    void deriveHkdf(const EVP_MD* digest, pkcs11::MutableBytes out) const;
    void deriveTls13(const EVP_MD* digest, pkcs11::MutableBytes out) const;
    ossl::SecretBytes tls13Salt(const EVP_MD* digest) const;

    ossl::ProviderContext& provider_;
    Algorithm algorithm_;
    Software software_;
    Parameters parameters_;
    std::shared_ptr<skeymgmt::SecretKey> key_; ///< on a token; null: software_ has the key
};

} // namespace p11::kdf
