// SPDX-License-Identifier: Apache-2.0
#include "ossl/ec_point.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>

#include "ossl/core.h"
#include "ossl/der_writer.h"
#include "ossl/handles.h"

namespace p11::ossl {
namespace {

// Each coordinate takes 72 bytes on the largest curves of OpenSSL (sect571).
constexpr std::size_t longestPoint = 1 + 2 * 72;
constexpr unsigned char uncompressedForm = POINT_CONVERSION_UNCOMPRESSED;

std::vector<unsigned char> encodedPoint(const EVP_PKEY* key) {
    std::vector<unsigned char> point(longestPoint);
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(),
                                        point.size(), &size) != 1)
        size = 0;
    point.resize(size);
    return point;
}

bool isUncompressed(const std::vector<unsigned char>& point) {
    return point.size() > 2 && point.front() == uncompressedForm;
}

} // namespace

std::vector<unsigned char> uncompressedPoint(EVP_PKEY* key) {
    auto point = encodedPoint(key);
    if (isUncompressed(point))
        return point;
    // The form belongs to the key, which others use too. So it is changed in a copy.
    const Pkey copy(EVP_PKEY_dup(key));
    if (copy &&
        EVP_PKEY_set_utf8_string_param(copy.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1)
        point = encodedPoint(copy.get());
    if (!isUncompressed(point))
        throw UsageError(Reason::key, "the public point of the EC key cannot be read");
    return point;
}

std::vector<unsigned char> octetString(pkcs11::ByteView bytes) {
    std::vector<unsigned char> out(DerWriter::headerSize(bytes.size()) + bytes.size());
    DerWriter writer(out);
    writer.header(V_ASN1_OCTET_STRING, bytes.size());
    writer.bytes(bytes);
    return out;
}

} // namespace p11::ossl
