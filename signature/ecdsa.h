// SPDX-License-Identifier: Apache-2.0
// ECDSA signatures (FIPS 186; OpenSSL's EVP_SIGNATURE-ECDSA(7)).
#pragma once

#include <functional>
#include <vector>

#include "signature/context.h"

namespace signature {

class EcdsaContext : public SignatureContext {
  public:
    using SignatureContext::SignatureContext;
    std::unique_ptr<SignatureContext> clone() const override;
    std::size_t maxSize() const override;
    const OSSL_PARAM* settable() const override;
    const OSSL_PARAM* gettable() const override;

  protected:
    std::size_t sign(Octets tbs, Buffer out) override;
    int verify(Octets signature, Octets tbs) override;
    std::optional<CK_MECHANISM_TYPE> combinedMechanism() const override;
    std::size_t signMessage(CK_MECHANISM_TYPE mechanism, Octets message, Buffer out) override;
    pkcs11::Bytes algorithmId() const override;

  private:
    /// Gives the signed hash, which is needed to verify a signature.
    using HashGiver = std::function<pkcs11::Bytes()>;
    std::size_t signAsDer(CK_MECHANISM_TYPE mechanism, Octets data, const HashGiver& hash,
                          Buffer out);
    std::vector<pkcs11::Bytes> possibleForms(Octets raw, Octets tbs);
};

} // namespace signature
