// SPDX-License-Identifier: Apache-2.0
// ML-DSA signatures of whole messages (FIPS 204, "pure"; OpenSSL's EVP_SIGNATURE-ML-DSA(7)).
#pragma once

#include "pkcs11/bytes.h"
#include "signature/signature_context.h"

namespace p11::signature {

class MlDsaContext final : public SignatureContext {
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
    void keyChanged() override;
    pkcs11::Bytes algorithmId() const override;

  private:
    /// Gives OpenSSL's own context the parameters of this one.
    bool apply(EVP_PKEY_CTX* context) const;

    pkcs11::Bytes context_;
    bool deterministic_ = false;
};

} // namespace p11::signature
