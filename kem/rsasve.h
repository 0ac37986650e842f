// SPDX-License-Identifier: Apache-2.0
// RSASVE (NIST SP 800-56B, section 7.2.1; OpenSSL's EVP_KEM-RSA(7)): the secret is a random number
// below the modulus, and the ciphertext is what the public key makes of it.
#pragma once

#include "kem/kem_context.h"

namespace p11::kem {

class Rsasve final : public KemContext {
  public:
    using KemContext::KemContext;
    std::unique_ptr<KemContext> clone() const override;
    const OSSL_PARAM* settable() const override;

  protected:
    const char* operation() const override;
    void requireUsable() const override;
    std::size_t secretSize() const override;
    std::size_t ciphertextSize() const override;
    void decapsulateNow(ByteView ciphertext, MutableBytes secret) const override;

  private:
    std::size_t decrypt(ByteView ciphertext, MutableBytes secret) const;
    void requireInRange(ByteView ciphertext) const;
};

} // namespace p11::kem
