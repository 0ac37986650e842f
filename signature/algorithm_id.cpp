// SPDX-License-Identifier: Apache-2.0
#include "signature/algorithm_id.h"

#include <array>

#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ossl/error_mark.h"
#include "ossl/provider_context.h"

namespace p11::signature {
namespace {

// What callers of OSSL_SIGNATURE_PARAM_ALGORITHM_ID have room for.
constexpr std::size_t longest = 128;

bool configure(EVP_PKEY_CTX* context, const HashedSignature& signature) {
    if (signature.padding == 0)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(context, signature.padding) != 1)
        return false;
    return signature.padding != RSA_PKCS1_PSS_PADDING ||
           (EVP_PKEY_CTX_set_rsa_mgf1_md(context, signature.mgf1) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, signature.saltLength) == 1);
}

} // namespace

// The identifier of a verification is that of the signature, and the public half is enough for it.
pkcs11::Bytes algorithmIdOf(const keymgmt::Key& key, const HashedSignature& signature) {
    const ossl::ErrorMark mark;
    auto* source = key.partialKey() != nullptr ? key.partialKey() : key.publicKey();
    const ossl::MdCtx verifier(EVP_MD_CTX_new());
    EVP_PKEY_CTX* context = nullptr; // the verifier's
    if (source == nullptr || signature.digest == nullptr || !verifier ||
        EVP_DigestVerifyInit_ex(verifier.get(), &context, EVP_MD_get0_name(signature.digest),
                                key.context().libctx(), ossl::ProviderContext::propq(), source,
                                nullptr) != 1 ||
        !configure(context, signature))
        return {};
    pkcs11::Bytes der(longest);
    std::array params{OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
                                                        der.data(), der.size()),
                      OSSL_PARAM_construct_end()};
    if (EVP_PKEY_CTX_get_params(context, params.data()) != 1 ||
        OSSL_PARAM_modified(params.data()) != 1)
        return {};
    der.resize(params[0].return_size);
    return der;
}

pkcs11::Bytes algorithmIdOf(int nid) {
    const ossl::AlgorId id(X509_ALGOR_new());
    unsigned char* der = nullptr;
    if (!id || X509_ALGOR_set0(id.get(), OBJ_nid2obj(nid), V_ASN1_UNDEF, nullptr) != 1)
        return {};
    const int size = i2d_X509_ALGOR(id.get(), &der);
    if (size <= 0)
        return {};
    pkcs11::Bytes result(der, der + size);
    OPENSSL_free(der);
    return result;
}

} // namespace p11::signature
