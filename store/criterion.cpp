// SPDX-License-Identifier: Apache-2.0
#include "store/criterion.h"

#include <array>

#include <openssl/core_names.h>
#include <openssl/x509.h>

#include "ossl/params.h"

namespace p11::store {
namespace {

using pkcs11::Bytes;
using Name = ossl::Owner<X509_NAME, X509_NAME_free>;
using Asn1Integer = ossl::Owner<ASN1_INTEGER, ASN1_INTEGER_free>;

// i2d functions, whose arguments are not const everywhere.
template <typename T>
Bytes encoded(int (*encode)(T*, unsigned char**), std::remove_const_t<T>* object) {
    unsigned char* der = nullptr;
    const int size = object != nullptr ? encode(object, &der) : -1;
    if (size <= 0)
        return {};
    Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
}

Name parsedName(const Bytes& der) {
    const auto* at = der.data();
    return Name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
}

Bytes nameIn(const OSSL_PARAM* params, const char* key) {
    const auto octets = ossl::octetsOf(params, key);
    if (!octets)
        return {};
    Bytes der(octets->begin(), octets->end());
    if (!parsedName(der))
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string("the ") + key + " to search for is not a name");
    return der;
}

Bytes serialIn(const OSSL_PARAM* params) {
    const auto* param = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SERIAL);
    BIGNUM* value = nullptr;
    if (param == nullptr)
        return {};
    if (param->data == nullptr || OSSL_PARAM_get_BN(param, &value) != 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the serial number to search for is not a number");
    const ossl::Bignum owner(value);
    const Asn1Integer number(BN_to_ASN1_INTEGER(value, nullptr));
    return encoded(i2d_ASN1_INTEGER, number.get());
}

bool isSameName(const Bytes& wanted, const X509_NAME* name) {
    const auto parsed = parsedName(wanted);
    return parsed && X509_NAME_cmp(parsed.get(), name) == 0;
}

} // namespace

void Criterion::set(const ossl::ProviderContext& context, const OSSL_PARAM* params) {
    Criterion wanted;
    wanted.subject_ = nameIn(params, OSSL_STORE_PARAM_SUBJECT);
    wanted.issuer_ = nameIn(params, OSSL_STORE_PARAM_ISSUER);
    wanted.serial_ = serialIn(params);
    wanted.alias_ = ossl::textOf(params, OSSL_STORE_PARAM_ALIAS);
    if (const auto octets = ossl::octetsOf(params, OSSL_STORE_PARAM_FINGERPRINT)) {
        const auto name = ossl::textOf(params, OSSL_STORE_PARAM_DIGEST).value_or("");
        wanted.fingerprint_.assign(octets->begin(), octets->end());
        wanted.digest_ = ossl::SharedMd(context.digest(name.c_str()));
        if (!wanted.digest_)
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "the digest of the fingerprint to search for is unknown: \"" +
                                       name + "\"");
    }
    if (wanted.given())
        *this = std::move(wanted);
}

bool Criterion::given() const {
    return !subject_.empty() || !issuer_.empty() || !serial_.empty() || digest_ || alias_;
}

bool Criterion::concerns(CK_OBJECT_CLASS type) const {
    return type == CKO_CERTIFICATE || (subject_.empty() && issuer_.empty() && serial_.empty());
}

std::vector<pkcs11::AttributeValue> Criterion::filter() const {
    std::vector<pkcs11::AttributeValue> values;
    if (!subject_.empty())
        values.emplace_back(CKA_SUBJECT, subject_);
    if (!issuer_.empty())
        values.emplace_back(CKA_ISSUER, issuer_);
    if (!serial_.empty())
        values.emplace_back(CKA_SERIAL_NUMBER, serial_);
    return values;
}

bool Criterion::isFingerprintOf(const Bytes& der) const {
    std::array<unsigned char, EVP_MAX_MD_SIZE> made{};
    unsigned size = 0;
    return EVP_Digest(der.data(), der.size(), made.data(), &size, digest_.get(), nullptr) == 1 &&
           std::equal(made.begin(), made.begin() + size, fingerprint_.begin(), fingerprint_.end());
}

bool Criterion::fits(const Bytes& der) const {
    if (!given())
        return true;
    const auto* at = der.data();
    const ossl::Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!certificate)
        return false;
    const auto* issuer = X509_get_issuer_name(certificate.get());
    if ((!subject_.empty() && !isSameName(subject_, X509_get_subject_name(certificate.get()))) ||
        (!issuer_.empty() && !isSameName(issuer_, issuer)))
        return false;
    auto* serial = X509_get_serialNumber(certificate.get());
    if (!serial_.empty() && encoded(i2d_ASN1_INTEGER, serial) != serial_)
        return false;
    return !digest_ || isFingerprintOf(der) ||
           isFingerprintOf(encoded(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(certificate.get())));
}

bool Criterion::fits(const keymgmt::Key& key) const {
    if (!digest_)
        return true;
    auto* known = key.publicKey();
    return known != nullptr && isFingerprintOf(encoded(i2d_PUBKEY, known));
}

} // namespace p11::store
