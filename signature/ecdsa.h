// SPDX-License-Identifier: Apache-2.0
// ECDSA signatures (FIPS 186; OpenSSL's EVP_SIGNATURE-ECDSA(7)).
#pragma once

#include <functional>
#include <vector>

#include "pkcs11/bytes.h"
#include "signature/signature_context.h"

namespace p11::signature {

class EcdsaContext : public SignatureContext {
  public:
    using SignatureContext::SignatureContext;
    std::unique_ptr<SignatureContext> clone() const override;
    std::size_t maxSize() const override;
    void setParams(const OSSL_PARAM* params) override;
    void getParams(OSSL_PARAM* params) const override;
    const OSSL_PARAM* settable() const override;
    const OSSL_PARAM* gettable() const override;

  protected:
    std::size_t sign(ByteView tbs, MutableBytes out) override;
    int verify(ByteView signature, ByteView tbs) override;
    std::optional<CK_MECHANISM_TYPE> combinedMechanism() const override;
    std::size_t signMessage(CK_MECHANISM_TYPE mechanism, ByteView message,
                            MutableBytes out) override;
    pkcs11::Bytes algorithmId() const override;
    /// Throws UsageError if the token would have to sign with another nonce than a random one.
    void setNonceType(const OSSL_PARAM* params);

  private:
    /// Gives the signed hash, which is needed to verify a signature.
    using HashGiver = std::function<pkcs11::Bytes()>;
    std::size_t signAsDer(CK_MECHANISM_TYPE mechanism, ByteView data, const HashGiver& hash,
                          MutableBytes out);
    std::vector<pkcs11::Bytes> possibleForms(ByteView raw, ByteView tbs);

    unsigned nonceType_ = 0; ///< a verification may have any
};

} // namespace p11::signature
