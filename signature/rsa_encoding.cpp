// RSA_padding_* are the only public functions of OpenSSL that pad without a private key; deprecated
// since 3.0, and present in every 3.x.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "signature/rsa_encoding.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ossl/core.h"

namespace signature {
namespace {

using DigestInfo = ossl::Owner<X509_SIG, X509_SIG_free>;

[[noreturn]] void tooLong() {
    throw ossl::UsageError(ossl::Reason::data, "the data is too long for the RSA key");
}

} // namespace

pkcs11::Bytes digestInfo(const EVP_MD* digest, std::span<const unsigned char> hash) {
    const int nid = EVP_MD_get_type(digest);
    if (nid == NID_md5_sha1)
        return {hash.begin(), hash.end()};
    const DigestInfo info(X509_SIG_new());
    X509_ALGOR* algorithm = nullptr;
    ASN1_OCTET_STRING* octets = nullptr;
    X509_SIG_getm(info.get(), &algorithm, &octets);
    unsigned char* der = nullptr;
    int size = 0;
    if (nid != NID_undef &&
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, nullptr) == 1 &&
        ASN1_OCTET_STRING_set(octets, hash.data(), static_cast<int>(hash.size())) == 1)
        size = i2d_X509_SIG(info.get(), &der);
    if (size <= 0)
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string("the digest ") + EVP_MD_get0_name(digest) +
                                   " cannot be used in a PKCS#1 v1.5 signature");
    pkcs11::Bytes result(der, der + size);
    OPENSSL_free(der);
    return result;
}

pkcs11::Bytes pkcs1Encode(std::span<const unsigned char> data, std::size_t size) {
    pkcs11::Bytes block(size);
    if (RSA_padding_add_PKCS1_type_1(block.data(), static_cast<int>(block.size()), data.data(),
                                     static_cast<int>(data.size())) != 1)
        tooLong();
    return block;
}

pkcs11::Bytes pssEncode(const keymgmt::Key& key, std::span<const unsigned char> hash,
                        const EVP_MD* digest, const EVP_MD* mgf1, int saltLength) {
    pkcs11::Bytes block(key.modulusSize());
    auto* rsa = const_cast<RSA*>(EVP_PKEY_get0_RSA(key.shape()));
    if (rsa == nullptr || RSA_padding_add_PKCS1_PSS_mgf1(rsa, block.data(), hash.data(), digest,
                                                         mgf1, saltLength) != 1)
        tooLong();
    return block;
}

} // namespace signature
