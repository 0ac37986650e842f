// SPDX-License-Identifier: Apache-2.0
// Key agreement with an X25519 or X448 key on a token (EVP_KEYEXCH-X25519(7)).
#pragma once

#include "exchange/agreement.h"
#include "pkcs11/bytes.h"

namespace p11::exchange {

/// One EVP key derivation. Used by one thread at a time. It has no parameters.
class Xdh : public Agreement {
  public:
    using Agreement::Agreement;

    /// A null `key` keeps the present one. Throws.
    void begin(const std::shared_ptr<keymgmt::Key>& key, const OSSL_PARAM* params);

    /// 32 or 56 bytes.
    std::size_t size() const;
    /// The shared secret, for which `out` must have room. Returns the size. Throws UsageError if
    /// the secret is zero, because then the peer had no part in it (RFC 7748, section 6).
    std::size_t derive(MutableBytes out) const;

  private:
    std::size_t deriveNow(MutableBytes out) const;
};

} // namespace p11::exchange
