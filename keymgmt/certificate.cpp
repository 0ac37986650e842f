// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/certificate.h"

#include <array>

#include "keymgmt/new_pair.h"
#include "ossl/dispatch.h"
#include "pkcs11/login.h"
#include "pkcs11/recovery.h"

namespace p11::keymgmt {
namespace {

ossl::Certificate parse(pkcs11::ByteView der) {
    const ossl::ErrorMark mark;
    const unsigned char* position = der.data();
    ossl::Certificate certificate(d2i_X509(nullptr, &position, static_cast<long>(der.size())));
    if (!certificate || position != der.data() + der.size())
        throw ossl::UsageError(ossl::Reason::data, "pkcs11_certificate is not a DER certificate");
    return certificate;
}

template <typename T>
pkcs11::Bytes encoded(int (*encode)(const T*, unsigned char**), const T* value) {
    unsigned char* der = nullptr;
    const int size = encode(value, &der);
    if (size <= 0)
        throw ossl::UsageError(ossl::Reason::data, "the certificate cannot be parsed");
    pkcs11::Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
}

void requireMatch(const Key& key, const pkcs11::Bytes& der) {
    const auto candidate = publicKeyOfCertificate(key.context(), der);
    if (!candidate || !key.isPublicHalf(candidate.get()))
        throw ossl::UsageError(ossl::Reason::key,
                               "the certificate belongs to another key than the " +
                                   key.privateObject().describe());
}

pkcs11::Template templateOf(const X509* certificate, const pkcs11::Bytes& der,
                            const pkcs11::TokenObject& key) {
    pkcs11::Template values;
    values.number(CKA_CLASS, CKO_CERTIFICATE)
        .flag(CKA_TOKEN, true)
        .flag(CKA_PRIVATE, false)
        .number(CKA_CERTIFICATE_TYPE, CKC_X_509)
        .bytes(CKA_SUBJECT, encoded(i2d_X509_NAME, X509_get_subject_name(certificate)))
        .bytes(CKA_ISSUER, encoded(i2d_X509_NAME, X509_get_issuer_name(certificate)))
        .bytes(CKA_SERIAL_NUMBER, encoded(i2d_ASN1_INTEGER, X509_get0_serialNumber(certificate)))
        .bytes(CKA_VALUE, der);
    if (const auto label = key.label(); !label.empty())
        values.text(CKA_LABEL, label);
    if (const auto id = key.id(); !id.empty())
        values.bytes(CKA_ID, id);
    return values;
}

} // namespace

void storeCertificate(const Key& key, pkcs11::ByteView der, bool allowDuplicate) {
    auto& object = key.privateObject();
    const auto certificate = parse(der);
    const pkcs11::Bytes value(der.begin(), der.end());
    requireMatch(key, value);
    auto values = templateOf(certificate.get(), value, object);
    const pkcs11::trace::Step step([&] { return "store a certificate of " + object.describe(); });
    pkcs11::withSessionPool(object.token(), [&](const auto& pool) {
        pkcs11::Session session = pool->takeWritable();
        if (pool->loginRequired())
            pkcs11::logInAsUser(session, {object.pins(), {}, {}}); // by which the key was found
        if (!allowDuplicate)
            requireFree(session, std::array<CK_OBJECT_CLASS, 1>{CKO_CERTIFICATE}, object.label(),
                        object.id());
        pkcs11::createObject(session, values, "certificate \"" + object.label() + "\"");
    });
}

} // namespace p11::keymgmt
