// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/public_key.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ossl/error_mark.h"
#include "pkcs11/bytes.h"

namespace p11::keymgmt {

using pkcs11::Bytes;

ossl::Pkey publicKeyOfCertificate(const ossl::ProviderContext& context, const Bytes& der) {
    const ossl::ErrorMark mark;
    ossl::Certificate fresh(X509_new_ex(context.libctx(), ossl::ProviderContext::propq()));
    const unsigned char* position = der.data();
    X509* raw = fresh.get();
    if (raw == nullptr || d2i_X509(&raw, &position, static_cast<long>(der.size())) == nullptr) {
        (void)fresh.release(); // d2i frees what it was given on failure
        return nullptr;
    }
    return ossl::Pkey(X509_get_pubkey(raw));
}

ossl::Pkey publicKeyOfInfo(const ossl::ProviderContext& context, KeyType type,
                           const pkcs11::Attributes& attributes) {
    const auto* info = attributes.find(CKA_PUBLIC_KEY_INFO);
    if (info == nullptr || info->empty())
        return nullptr;
    const unsigned char* position = info->data();
    ossl::Pkey key(d2i_PUBKEY_ex(nullptr, &position, static_cast<long>(info->size()),
                                 context.libctx(), ossl::ProviderContext::propq()));
    return key && EVP_PKEY_is_a(key.get(), nameOf(type)) == 1 ? std::move(key) : nullptr;
}

ossl::Pkey keyFromRaw(const ossl::ProviderContext& context, KeyType type, pkcs11::ByteView value) {
    return ossl::Pkey(EVP_PKEY_new_raw_public_key_ex(context.libctx(), nameOf(type),
                                                     ossl::ProviderContext::propq(), value.data(),
                                                     value.size()));
}

ossl::Pkey keyFromParams(const ossl::ProviderContext& context, KeyType type, int selection,
                         OSSL_PARAM* params) {
    const ossl::PkeyCtx maker(
        EVP_PKEY_CTX_new_from_name(context.libctx(), nameOf(type), ossl::ProviderContext::propq()));
    EVP_PKEY* key = nullptr;
    if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
        EVP_PKEY_fromdata(maker.get(), &key, selection, params) != 1)
        return nullptr;
    return ossl::Pkey(key);
}

ossl::Pkey keyFromBuilder(const ossl::ProviderContext& context, KeyType type, int selection,
                          OSSL_PARAM_BLD* builder) {
    const ossl::Params params(OSSL_PARAM_BLD_to_param(builder));
    return params ? keyFromParams(context, type, selection, params.get()) : nullptr;
}

std::optional<Bytes> unwrapped(const Bytes& bytes) {
    const ossl::ErrorMark mark;
    const unsigned char* position = bytes.data();
    const ossl::Asn1OctetString string(
        d2i_ASN1_OCTET_STRING(nullptr, &position, static_cast<long>(bytes.size())));
    if (!string || position != bytes.data() + bytes.size())
        return std::nullopt;
    const auto* data = ASN1_STRING_get0_data(string.get());
    return Bytes(data, data + ASN1_STRING_length(string.get()));
}

} // namespace p11::keymgmt
