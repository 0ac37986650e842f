// SPDX-License-Identifier: Apache-2.0
// Ed25519 and Ed448 signatures, of whole messages only (RFC 8032; OpenSSL's
// EVP_SIGNATURE-ED25519(7)).
#pragma once

#include "pkcs11/bytes.h"
#include "signature/signature_context.h"

namespace p11::signature {

/// True if the libcrypto that this runs with has the variants of RFC 8032 (OpenSSL 3.2).
bool opensslHasEddsaVariants();

class EddsaContext final : public SignatureContext {
  public:
    using SignatureContext::SignatureContext;
    std::unique_ptr<SignatureContext> clone() const override;
    std::size_t maxSize() const override;
    void setParams(const OSSL_PARAM* params) override;
    const OSSL_PARAM* settable() const override;
    const OSSL_PARAM* gettable() const override;

    /// A row of RFC 8032's table of variants.
    struct Variant;

  protected:
    std::size_t sign(ByteView tbs, MutableBytes out) override;
    int verify(ByteView signature, ByteView tbs) override;
    void keyGiven() override;
    pkcs11::Bytes algorithmId() const override;

  private:
    bool isPlain() const;
    std::size_t signPlain(ByteView tbs, MutableBytes out);
    std::size_t signVariant(ByteView tbs, MutableBytes out);
    /// Throws pkcs11::Error unless the token has made the variant that was asked for.
    void requireVariant(ByteView signature, ByteView tbs) const;
    int verifyAs(const Variant& variant, const pkcs11::Bytes& contextString, ByteView signature,
                 ByteView tbs) const;

    const Variant* variant_ = nullptr; ///< never null once there is a key
    pkcs11::Bytes contextString_;
};

} // namespace p11::signature
