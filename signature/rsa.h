// SPDX-License-Identifier: Apache-2.0
// RSA signatures: PKCS#1 v1.5, PSS and none (RFC 8017; OpenSSL's EVP_SIGNATURE-RSA(7)).
#pragma once

#include <functional>

#include "pkcs11/bytes.h"
#include "signature/signature_context.h"

namespace p11::signature {

enum class RsaPadding { pkcs1, pss, none };

/// PSS salt lengths that are not numbers, with the values from OpenSSL's rsa.h.
enum SaltLength : int { saltDigest = -1, saltAuto = -2, saltMax = -3, saltAutoDigestMax = -4 };

class RsaContext : public SignatureContext {
  public:
    using SignatureContext::SignatureContext;
    std::unique_ptr<SignatureContext> clone() const override;
    std::size_t maxSize() const override { return key().modulusSize(); }
    void setParams(const OSSL_PARAM* params) override;
    void getParams(OSSL_PARAM* params) const override;
    const OSSL_PARAM* settable() const override;
    const OSSL_PARAM* gettable() const override;

  protected:
    std::size_t sign(ByteView tbs, MutableBytes out) override;
    int verify(ByteView signature, ByteView tbs) override;
    std::size_t recover(ByteView signature, MutableBytes out) override;
    void keyChanged() override;
    std::optional<CK_MECHANISM_TYPE> combinedMechanism() const override;
    std::size_t signMessage(CK_MECHANISM_TYPE mechanism, ByteView message,
                            MutableBytes out) override;
    pkcs11::Bytes algorithmId() const override;
    void configure(EVP_PKEY_CTX* context) const override;

  private:
    /// Makes the padded block that raw RSA signs.
    using Encoding = std::function<pkcs11::Bytes()>;
    std::size_t signPadded(ByteView tbs, MutableBytes out);
    void restoreZeros(std::size_t size, ByteView tbs, MutableBytes out);
    bool takesRaw() const;
    bool isWorthTrying(CK_MECHANISM_TYPE mechanism, const keymgmt::Use& use) const;
    std::optional<std::size_t> signIfTaken(const CK_MECHANISM& mechanism, const keymgmt::Use& use,
                                           ByteView data, MutableBytes out);
    std::optional<std::size_t> signRawIfTaken(const Encoding& encoding, MutableBytes out);
    std::size_t signInSomeWay(const CK_MECHANISM& mechanism, const keymgmt::Use& use, ByteView data,
                              const Encoding& encoding, MutableBytes out);
    std::size_t signRaw(const Encoding& encoding, MutableBytes out);
    [[noreturn]] void throwUnsupported() const;
    [[noreturn]] void throwRefused(const pkcs11::Error& error) const;
    std::size_t signPkcs1(ByteView tbs, MutableBytes out);
    std::size_t signPss(ByteView tbs, MutableBytes out);
    std::size_t signNone(ByteView tbs, MutableBytes out);
    EVP_MD* mgf1() const { return mgf1_ ? mgf1_.get() : digest(); }
    std::optional<CK_RSA_PKCS_PSS_PARAMS> tokenPssParams() const;
    int saltBytes() const;
    int toldSalt() const;
    void setPadding(const OSSL_PARAM* params);
    void setSaltLength(const OSSL_PARAM* params);
    void setMgf1(const OSSL_PARAM* params);

    RsaPadding padding_ = RsaPadding::pkcs1;
    int salt_ = saltAutoDigestMax;
    ossl::SharedMd mgf1_;
};

} // namespace p11::signature
