// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/curve.h"

#include <algorithm>
#include <array>

#include <openssl/ec.h>
#include <openssl/objects.h>

#include "keymgmt/pair_template.h"
#include "ossl/error_mark.h"
#include "ossl/handles.h"

namespace p11::keymgmt {
namespace {

using pkcs11::Bytes;

// OpenSSL's names and NIST's, and those of RFC 7748, RFC 8032 and SEC 2 that OpenSSL does not know.
int curveOfName(const std::string& name) {
    struct Name {
        const char* text;
        int curve;
    };
    constexpr std::array names{
        Name{"secp192r1", NID_X9_62_prime192v1}, Name{"secp256r1", NID_X9_62_prime256v1},
        Name{"1.3.6.1.4.1.3029.1.5.1", NID_X25519}}; // GnuPG's, of before RFC 8410
    for (const auto& row : keyTypes)
        if (row.curve.name != nullptr && name == row.curve.name)
            return row.curve.nid;
    const auto* found = std::find_if(names.begin(), names.end(),
                                     [&name](const Name& known) { return name == known.text; });
    if (found != names.end())
        return found->curve;
    const int nist = EC_curve_nist2nid(name.c_str());
    return nist != NID_undef ? nist : OBJ_txt2nid(name.c_str());
}

std::string dottedText(const ASN1_OBJECT* oid) {
    std::array<char, 80> text{};
    OBJ_obj2txt(text.data(), static_cast<int>(text.size()), oid, 1);
    return text.data();
}

// Takes over `der`, which an encoder of OpenSSL has made.
Bytes taken(unsigned char* der, int size) {
    Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
}

} // namespace

int curveOf(const Bytes& params) {
    const ossl::ErrorMark mark;
    const unsigned char* position = params.data();
    const auto size = static_cast<long>(params.size());
    if (const ossl::Asn1Object oid(d2i_ASN1_OBJECT(nullptr, &position, size)); oid)
        return OBJ_obj2nid(oid.get()) != NID_undef ? OBJ_obj2nid(oid.get())
                                                   : curveOfName(dottedText(oid.get()));
    position = params.data();
    const ossl::Owner<ASN1_STRING, ASN1_STRING_free> text(
        d2i_ASN1_PRINTABLESTRING(nullptr, &position, size));
    if (!text)
        return NID_undef;
    return curveOfName({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text.get())),
                        static_cast<std::size_t>(ASN1_STRING_length(text.get()))});
}

std::string oidTextOf(const Bytes& params) {
    const ossl::ErrorMark mark;
    const unsigned char* position = params.data();
    const ossl::Asn1Object oid(
        d2i_ASN1_OBJECT(nullptr, &position, static_cast<long>(params.size())));
    return oid ? dottedText(oid.get()) : "";
}

std::optional<KeyType> typeOfCurve(int nid) {
    if (nid == NID_undef)
        return std::nullopt;
    const auto* found = std::find_if(keyTypes.begin(), keyTypes.end(),
                                     [nid](const KeyTypeRow& row) { return row.curve.nid == nid; });
    return found != keyTypes.end() ? std::optional(found->type) : std::nullopt;
}

Bytes oidOf(int nid) {
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &der);
    if (size <= 0)
        refusePair("the curve has no object identifier");
    return taken(der, size);
}

Bytes printable(const char* name) {
    const ossl::Owner<ASN1_STRING, ASN1_STRING_free> text(
        ASN1_STRING_type_new(V_ASN1_PRINTABLESTRING));
    unsigned char* der = nullptr;
    int size = -1;
    if (text && ASN1_STRING_set(text.get(), name, -1) == 1)
        size = i2d_ASN1_PRINTABLESTRING(text.get(), &der);
    if (size <= 0)
        refusePair("the curve's name cannot be encoded");
    return taken(der, size);
}

} // namespace p11::keymgmt
