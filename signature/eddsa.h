// SPDX-License-Identifier: Apache-2.0
// Ed25519 and Ed448 signatures, of whole messages only (RFC 8032; OpenSSL's
// EVP_SIGNATURE-ED25519(7)).
#pragma once

#include "pkcs11/bytes.h"
#include "signature/signature_context.h"

namespace p11::signature {

class EddsaContext final : public SignatureContext {
  public:
    using SignatureContext::SignatureContext;
    std::unique_ptr<SignatureContext> clone() const override;
    std::size_t maxSize() const override;
    void setParams(const OSSL_PARAM* params) override;
    const OSSL_PARAM* settable() const override;
    const OSSL_PARAM* gettable() const override;

  protected:
    std::size_t sign(ByteView tbs, MutableBytes out) override;
    int verify(ByteView signature, ByteView tbs) override;
    pkcs11::Bytes algorithmId() const override;

  private:
    std::size_t signInEitherForm(ByteView tbs, MutableBytes out);
};

} // namespace p11::signature
