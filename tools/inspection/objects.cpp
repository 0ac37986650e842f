// SPDX-License-Identifier: Apache-2.0
#include "tools/inspection/objects.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <utility>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "ossl/error_mark.h"
#include "pkcs11/mechanism.h"
#include "tokens/object_uris.h"

namespace p11::tools::inspection {
namespace {

using Type = CK_ATTRIBUTE_TYPE;
using Name = std::pair<CK_ULONG, const char*>;

// Not CKA_VALUE, which is a secret where it is not a certificate's.
constexpr std::array common{CKA_CLASS, CKA_LABEL, CKA_ID};
constexpr std::array<Type, 2> ofCertificates{CKA_CERTIFICATE_TYPE, CKA_VALUE};
constexpr std::array<Type, 17> ofKeys{CKA_KEY_TYPE,
                                      CKA_MODULUS,
                                      CKA_EC_PARAMS,
                                      CKA_VALUE_LEN,
                                      CKA_PARAMETER_SET,
                                      CKA_SIGN,
                                      CKA_VERIFY,
                                      CKA_ENCRYPT,
                                      CKA_DECRYPT,
                                      CKA_WRAP,
                                      CKA_UNWRAP,
                                      CKA_DERIVE,
                                      CKA_SENSITIVE,
                                      CKA_EXTRACTABLE,
                                      CKA_ALWAYS_AUTHENTICATE,
                                      CKA_NEVER_EXTRACTABLE,
                                      CKA_ALLOWED_MECHANISMS};

bool isKey(std::optional<CK_ULONG> type) {
    const CK_OBJECT_CLASS known = type.value_or(CKO_DATA);
    return known == CKO_PRIVATE_KEY || known == CKO_PUBLIC_KEY || known == CKO_SECRET_KEY;
}

void addTo(pkcs11::Attributes& all, pkcs11::Session& session, CK_OBJECT_HANDLE handle,
           std::span<const Type> types) {
    const auto more = pkcs11::readAttributes(session, handle, types);
    for (const auto type : types)
        if (const auto* value = more.find(type))
            all.set(type, *value);
}

const char* nameIn(std::span<const Name> names, CK_ULONG number) {
    const auto found = std::find_if(names.begin(), names.end(),
                                    [number](const Name& one) { return one.first == number; });
    return found == names.end() ? nullptr : found->second;
}

// The names of PKCS#11 3.0, section 2.3.5: a PrintableString.
std::string printableName(const pkcs11::Bytes& parameters) {
    const unsigned char* position = parameters.data();
    const ossl::Owner<ASN1_PRINTABLESTRING, ASN1_PRINTABLESTRING_free> name(
        d2i_ASN1_PRINTABLESTRING(nullptr, &position, static_cast<long>(parameters.size())));
    return name ? std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name.get())),
                              static_cast<std::size_t>(ASN1_STRING_length(name.get())))
                : "";
}

std::string curveOf(const pkcs11::Bytes& parameters) {
    const ossl::ErrorMark mark;
    const unsigned char* position = parameters.data();
    const ossl::Asn1Object object(
        d2i_ASN1_OBJECT(nullptr, &position, static_cast<long>(parameters.size())));
    if (!object)
        return printableName(parameters);
    const int nid = OBJ_obj2nid(object.get());
    const char* nist = EC_curve_nid2nist(nid);
    const char* name = nist != nullptr ? nist : OBJ_nid2sn(nid);
    return nid != NID_undef && name != nullptr ? name : "";
}

std::string flagsIn(const SeenObject& object, std::span<const Name> names) {
    std::vector<std::string> said;
    for (const auto& [type, word] : names)
        if (object.attributes.flag(type, false))
            said.emplace_back(word);
    return tokens::join(said);
}

std::string mechanismName(CK_MECHANISM_TYPE type) {
    constexpr std::array<Name, 16> names{{{CKM_RSA_PKCS, "CKM_RSA_PKCS"},
                                          {CKM_RSA_X_509, "CKM_RSA_X_509"},
                                          {CKM_RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"},
                                          {CKM_RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS"},
                                          {CKM_SHA1_RSA_PKCS, "CKM_SHA1_RSA_PKCS"},
                                          {CKM_SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"},
                                          {CKM_SHA384_RSA_PKCS, "CKM_SHA384_RSA_PKCS"},
                                          {CKM_SHA512_RSA_PKCS, "CKM_SHA512_RSA_PKCS"},
                                          {CKM_SHA256_RSA_PKCS_PSS, "CKM_SHA256_RSA_PKCS_PSS"},
                                          {CKM_SHA384_RSA_PKCS_PSS, "CKM_SHA384_RSA_PKCS_PSS"},
                                          {CKM_SHA512_RSA_PKCS_PSS, "CKM_SHA512_RSA_PKCS_PSS"},
                                          {CKM_ECDSA, "CKM_ECDSA"},
                                          {CKM_ECDSA_SHA256, "CKM_ECDSA_SHA256"},
                                          {CKM_ECDH1_DERIVE, "CKM_ECDH1_DERIVE"},
                                          {CKM_EDDSA, "CKM_EDDSA"},
                                          {CKM_ML_DSA, "CKM_ML_DSA"}}};
    if (const char* name = nameIn(names, type))
        return name;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "CKM_0x%lX", type);
    return text.data();
}

} // namespace

std::vector<SeenObject> objectsOf(pkcs11::Session& session, const Reading& reading) {
    std::vector<SeenObject> all;
    const auto handles = pkcs11::findObjects(session, {});
    for (const CK_OBJECT_HANDLE handle : handles) {
        SeenObject object{handle, pkcs11::readAttributes(session, handle, common)};
        if (object.type() == CKO_CERTIFICATE)
            addTo(object.attributes, session, handle, ofCertificates);
        else if (isKey(object.type()))
            addTo(object.attributes, session, handle, ofKeys);
        all.push_back(std::move(object));
        if (reading)
            reading(all.size(), handles.size());
    }
    return all;
}

std::string typeInWords(const SeenObject& object) {
    constexpr std::array<Name, 5> names{{{CKO_PRIVATE_KEY, "private"},
                                         {CKO_PUBLIC_KEY, "public"},
                                         {CKO_CERTIFICATE, "cert"},
                                         {CKO_SECRET_KEY, "secret-key"},
                                         {CKO_DATA, "data"}}};
    const char* name = nameIn(names, object.type().value_or(CK_UNAVAILABLE_INFORMATION));
    return name != nullptr ? name : "other";
}

std::string algorithmOf(const SeenObject& object) {
    constexpr std::array<Name, 10> names{{{CKK_RSA, "RSA"},
                                          {CKK_EC, "EC"},
                                          {CKK_EC_EDWARDS, "EdDSA"},
                                          {CKK_EC_MONTGOMERY, "XDH"},
                                          {CKK_ML_DSA, "ML-DSA"},
                                          {CKK_ML_KEM, "ML-KEM"},
                                          {CKK_AES, "AES"},
                                          {CKK_DES3, "3DES"},
                                          {CKK_GENERIC_SECRET, "generic"},
                                          {CKK_DSA, "DSA"}}};
    const auto& values = object.attributes;
    const auto type = values.number(CKA_KEY_TYPE);
    const char* name = type ? nameIn(names, *type) : nullptr;
    if (name == nullptr)
        return {};
    const std::string text = name;
    if (const auto* modulus = values.find(CKA_MODULUS); modulus != nullptr && !modulus->empty()) {
        const auto zeros = modulus->front() == 0 ? 1U : 0U;
        return text + " " + std::to_string((modulus->size() - zeros) * 8);
    }
    if (const auto curve = curveOf(values.bytes(CKA_EC_PARAMS)); !curve.empty())
        return type == CKK_EC ? text + " " + curve : curve;
    if (const auto size = values.number(CKA_VALUE_LEN); size && *size > 0)
        return text + " " + std::to_string(*size * 8);
    const auto set = values.number(CKA_PARAMETER_SET);
    return set ? text + " set " + std::to_string(*set) : text;
}

std::string usageOf(const SeenObject& object) {
    constexpr std::array<Name, 7> names{{{CKA_SIGN, "sign"},
                                         {CKA_VERIFY, "verify"},
                                         {CKA_ENCRYPT, "encrypt"},
                                         {CKA_DECRYPT, "decrypt"},
                                         {CKA_WRAP, "wrap"},
                                         {CKA_UNWRAP, "unwrap"},
                                         {CKA_DERIVE, "derive"}}};
    return flagsIn(object, names);
}

std::string protectionOf(const SeenObject& object) {
    constexpr std::array<Name, 4> names{{{CKA_SENSITIVE, "sensitive"},
                                         {CKA_EXTRACTABLE, "extractable"},
                                         {CKA_NEVER_EXTRACTABLE, "never extractable"},
                                         {CKA_ALWAYS_AUTHENTICATE, "PIN at each use"}}};
    return flagsIn(object, names);
}

std::string mechanismsOf(const SeenObject& object) {
    std::vector<std::string> names;
    for (const auto type : object.attributes.mechanisms(CKA_ALLOWED_MECHANISMS))
        names.push_back(mechanismName(type));
    return tokens::join(names);
}

std::string hex(const pkcs11::Bytes& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes)
        text.append({digits[byte >> 4], digits[byte & 15]});
    return text;
}

ossl::Certificate certificateOf(const SeenObject& object) {
    if (object.type() != CKO_CERTIFICATE)
        return nullptr;
    const ossl::ErrorMark mark;
    const auto der = object.attributes.bytes(CKA_VALUE);
    const unsigned char* position = der.data();
    return ossl::Certificate(d2i_X509(nullptr, &position, static_cast<long>(der.size())));
}

std::string subjectOf(const X509* certificate) {
    const ossl::Bio out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0,
                       XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string expiryOf(const X509* certificate) {
    std::tm time{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1)
        return "unknown";
    std::array<char, 16> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d", &time);
    return {text.data(), size};
}

bool isExpired(const X509* certificate) {
    return X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

} // namespace p11::tools::inspection
