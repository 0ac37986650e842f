// SPDX-License-Identifier: Apache-2.0
// DHKEM (RFC 9180, section 4.1; OpenSSL's EVP_KEM-EC(7) and EVP_KEM-X25519(7)), which HPKE uses.
#pragma once

#include "kem/kem_context.h"

namespace p11::kem {

struct DhSuite;

/// What encapsulation gives.
struct Encapsulated {
    pkcs11::Bytes ciphertext;
    ossl::SecretBytes secret;
};

class Dhkem final : public KemContext {
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
    void encapsulateNow(unsigned char* out, std::size_t* size, unsigned char* secret,
                        std::size_t* secretSize) const override;

  private:
    const DhSuite& suite() const;
    ossl::SecretBytes agreeOnToken(const std::shared_ptr<keymgmt::Key>& own,
                                   const keymgmt::Key& peer) const;
    pkcs11::Bytes contextOf(ByteView encapsulated) const;
    ossl::Pkey ephemeralPair() const;
    std::size_t agreeOnSecret(ByteView ciphertext, MutableBytes secret) const;
    Encapsulated encapsulateWithSender() const;
    Encapsulated encapsulateForJob() const;
};

} // namespace p11::kem
