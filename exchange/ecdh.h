// SPDX-License-Identifier: Apache-2.0
// Key agreement with an EC key on a token (EVP_KEYEXCH-ECDH(7)).
#pragma once

#include "exchange/agreement.h"
#include "pkcs11/bytes.h"

namespace p11::exchange {

/// One EVP key derivation; used by one thread at a time.
class Ecdh : public Agreement {
  public:
    using Agreement::Agreement;

    /// A null `key` keeps the present one. Throws.
    void begin(const std::shared_ptr<keymgmt::Key>& key, const OSSL_PARAM* params);

    /// The size of derive()'s result if there is room for it.
    std::size_t size() const;
    /// The shared secret, cut to the size of the buffer, or the result of the KDF. Returns the
    /// size.
    std::size_t derive(MutableBytes out) const;

    void setParams(const OSSL_PARAM* params);
    void getParams(OSSL_PARAM* params) const;
    static const OSSL_PARAM* settable();
    static const OSSL_PARAM* gettable();

  private:
    std::size_t deriveNow(MutableBytes out) const;
    void requireComplete() const;
    CK_MECHANISM_TYPE mechanism() const;
    bool multipliesByCofactor() const;
    std::size_t applyKdf(ByteView secret, MutableBytes out) const;
    void setKdf(const OSSL_PARAM* params);
    void setCofactorMode(const OSSL_PARAM* params);

    int cofactorMode_ = -1;
    bool usesKdf_ = false;
    ossl::SharedMd kdfDigest_;
    std::size_t kdfSize_ = 0;
    pkcs11::Bytes kdfInfo_;
};

} // namespace p11::exchange
