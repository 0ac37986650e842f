#include "signature/algorithm_id.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace signature {
namespace {

using PssParams = ossl::Owner<RSA_PSS_PARAMS, RSA_PSS_PARAMS_free>;
using Asn1String = ossl::Owner<ASN1_STRING, ASN1_STRING_free>;

pkcs11::Bytes encode(const X509_ALGOR* id) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_ALGOR(id, &der);
    if (size <= 0)
        return {};
    pkcs11::Bytes result(der, der + size);
    OPENSSL_free(der);
    return result;
}

pkcs11::Bytes encode(int nid, int parameterType) {
    const ossl::AlgorId id(X509_ALGOR_new());
    if (!id || X509_ALGOR_set0(id.get(), OBJ_nid2obj(nid), parameterType, nullptr) != 1)
        return {};
    return encode(id.get());
}

ossl::AlgorId hashId(const EVP_MD* digest) {
    ossl::AlgorId id(X509_ALGOR_new());
    if (id)
        X509_ALGOR_set_md(id.get(), digest);
    return id;
}

ossl::AlgorId mgf1Id(const EVP_MD* digest) {
    const auto hash = hashId(digest);
    Asn1String packed(ASN1_item_pack(hash.get(), ASN1_ITEM_rptr(X509_ALGOR), nullptr));
    ossl::AlgorId id(X509_ALGOR_new());
    if (!packed || !id ||
        X509_ALGOR_set0(id.get(), OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed.get()) != 1)
        return nullptr;
    (void)packed.release();
    return id;
}

} // namespace

pkcs11::Bytes algorithmIdOf(const EVP_MD* digest, int keyNid) {
    int nid = NID_undef;
    if (digest == nullptr || OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(digest), keyNid) != 1)
        return {};
    return encode(nid, keyNid == NID_rsaEncryption ? V_ASN1_NULL : V_ASN1_UNDEF);
}

pkcs11::Bytes algorithmIdOf(int nid) {
    return encode(nid, V_ASN1_UNDEF);
}

pkcs11::Bytes pssAlgorithmId(const EVP_MD* digest, const EVP_MD* mgf1, int saltLength) {
    if (digest == nullptr || EVP_MD_get_type(digest) == NID_undef ||
        EVP_MD_get_type(mgf1) == NID_undef)
        return {};
    const PssParams pss(RSA_PSS_PARAMS_new());
    pss->hashAlgorithm = hashId(digest).release();
    pss->maskGenAlgorithm = mgf1Id(mgf1).release();
    pss->saltLength = ASN1_INTEGER_new();
    if (pss->saltLength == nullptr || ASN1_INTEGER_set(pss->saltLength, saltLength) != 1)
        return {};
    Asn1String packed(ASN1_item_pack(pss.get(), ASN1_ITEM_rptr(RSA_PSS_PARAMS), nullptr));
    const ossl::AlgorId id(X509_ALGOR_new());
    if (!packed || !id ||
        X509_ALGOR_set0(id.get(), OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed.get()) != 1)
        return {};
    (void)packed.release();
    return encode(id.get());
}

} // namespace signature
