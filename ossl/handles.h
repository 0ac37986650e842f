// SPDX-License-Identifier: Apache-2.0
// Owners of OpenSSL's objects.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

namespace p11::ossl {

template <auto Free>
struct Deleter {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};

template <typename T, auto Free>
using Owner = std::unique_ptr<T, Deleter<Free>>;

using AlgorId = Owner<X509_ALGOR, X509_ALGOR_free>;
using Asn1Object = Owner<ASN1_OBJECT, ASN1_OBJECT_free>;
using Asn1OctetString = Owner<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Bignum = Owner<BIGNUM, BN_free>;
using Bio = Owner<BIO, BIO_free_all>;
using Certificate = Owner<X509, X509_free>;
using Conf = Owner<CONF, NCONF_free>;
using EcdsaSig = Owner<ECDSA_SIG, ECDSA_SIG_free>;
using Kdf = Owner<EVP_KDF, EVP_KDF_free>;
using KdfCtx = Owner<EVP_KDF_CTX, EVP_KDF_CTX_free>;
using LibCtx = Owner<OSSL_LIB_CTX, OSSL_LIB_CTX_free>;
using Md = Owner<EVP_MD, EVP_MD_free>;
using MdCtx = Owner<EVP_MD_CTX, EVP_MD_CTX_free>;
using ParamBuilder = Owner<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Owner<OSSL_PARAM, OSSL_PARAM_free>;
using Pkey = Owner<EVP_PKEY, EVP_PKEY_free>;
using PkeyCtx = Owner<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Provider = Owner<OSSL_PROVIDER, OSSL_PROVIDER_unload>;
/// A text that OpenSSL has allocated.
using Text = Owner<char, [](char* text) { OPENSSL_free(text); }>;

/// Another owner of the same key.
inline Pkey share(EVP_PKEY* key) {
    if (key != nullptr)
        EVP_PKEY_up_ref(key);
    return Pkey(key);
}

inline Md share(EVP_MD* md) {
    if (md != nullptr)
        EVP_MD_up_ref(md);
    return Md(md);
}

/// A digest that copies of a context share, by OpenSSL's own reference count.
class SharedMd {
  public:
    SharedMd() = default;
    explicit SharedMd(Md md) : md_(std::move(md)) {}
    SharedMd(const SharedMd& other) : md_(share(other.get())) {}
    SharedMd(SharedMd&&) noexcept = default;
    SharedMd& operator=(SharedMd other) noexcept {
        md_.swap(other.md_);
        return *this;
    }
    ~SharedMd() = default;
    EVP_MD* get() const { return md_.get(); }
    explicit operator bool() const { return md_ != nullptr; }

  private:
    Md md_;
};

} // namespace p11::ossl
