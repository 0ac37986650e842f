// SPDX-License-Identifier: Apache-2.0
// Ed25519 and Ed448 signatures, of whole messages only (RFC 8032; OpenSSL's
// EVP_SIGNATURE-ED25519(7)).
#pragma once

#include "signature/context.h"

namespace signature {

class EddsaContext final : public SignatureContext {
  public:
    using SignatureContext::SignatureContext;
    std::unique_ptr<SignatureContext> clone() const override;
    std::size_t maxSize() const override;
    void setParams(const OSSL_PARAM* params) override;
    const OSSL_PARAM* settable() const override;
    const OSSL_PARAM* gettable() const override;

  protected:
    std::size_t sign(Octets tbs, Buffer out) override;
    int verify(Octets signature, Octets tbs) override;
    pkcs11::Bytes algorithmId() const override;

  private:
    std::size_t signInEitherForm(Octets tbs, Buffer out);
};

} // namespace signature
