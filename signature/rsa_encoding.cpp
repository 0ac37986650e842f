// SPDX-License-Identifier: Apache-2.0
// RSA_padding_* are the only public functions of OpenSSL that pad without a private key; deprecated
// since 3.0, and present in every 3.x.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "signature/rsa_encoding.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "ossl/core.h"
#include "ossl/der_writer.h"

namespace p11::signature {
namespace {

constexpr unsigned char sequenceTag = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;

[[noreturn]] void tooLong() {
    throw ossl::UsageError(ossl::Reason::data, "the data is too long for the RSA key");
}

// OpenSSL has the signature's OID in SM3's DigestInfo, and verifies no other.
int oidOf(int digest) {
    return digest == NID_sm3 ? NID_sm3WithRSAEncryption : digest;
}

} // namespace

pkcs11::ByteView digestInfo(const EVP_MD* digest, pkcs11::ByteView hash, DigestInfo& out) {
    const int nid = EVP_MD_get_type(digest);
    if (nid == NID_md5_sha1)
        return hash;
    const ASN1_OBJECT* oid = nid != NID_undef ? OBJ_nid2obj(oidOf(nid)) : nullptr;
    const std::size_t oidSize = OBJ_length(oid);
    if (oidSize == 0 || hash.empty())
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string("the digest ") + EVP_MD_get0_name(digest) +
                                   " cannot be used in a PKCS#1 v1.5 signature");
    using Der = ossl::DerWriter;
    constexpr std::size_t null = Der::headerSize(0);
    const std::size_t algorithm = Der::headerSize(oidSize) + oidSize + null;
    const std::size_t octets = Der::headerSize(hash.size()) + hash.size();
    Der der(out);
    der.header(sequenceTag, Der::headerSize(algorithm) + algorithm + octets);
    der.header(sequenceTag, algorithm);
    der.header(V_ASN1_OBJECT, oidSize);
    der.bytes({OBJ_get0_data(oid), oidSize});
    der.header(V_ASN1_NULL, 0);
    der.header(V_ASN1_OCTET_STRING, hash.size());
    der.bytes(hash);
    return std::span(out).first(der.size());
}

pkcs11::Bytes pkcs1Encode(pkcs11::ByteView data, std::size_t size) {
    pkcs11::Bytes block(size);
    if (RSA_padding_add_PKCS1_type_1(block.data(), static_cast<int>(block.size()), data.data(),
                                     static_cast<int>(data.size())) != 1)
        tooLong();
    return block;
}

pkcs11::Bytes pssEncode(const keymgmt::Key& key, pkcs11::ByteView hash, const EVP_MD* digest,
                        const EVP_MD* mgf1, int saltLength) {
    pkcs11::Bytes block(key.modulusSize());
    auto* rsa = const_cast<RSA*>(EVP_PKEY_get0_RSA(key.partialKey()));
    if (rsa == nullptr || RSA_padding_add_PKCS1_PSS_mgf1(rsa, block.data(), hash.data(), digest,
                                                         mgf1, saltLength) != 1)
        tooLong();
    return block;
}

} // namespace p11::signature
