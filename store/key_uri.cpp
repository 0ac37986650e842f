// SPDX-License-Identifier: Apache-2.0
#include "store/key_uri.h"

#include <memory>
#include <stdexcept>
#include <string_view>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "ossl/error_mark.h"

namespace p11::store {
namespace {

constexpr std::string_view description = "PKCS#11 Provider URI v1.0";

struct KeyUri {
    ASN1_VISIBLESTRING* description;
    ASN1_UTF8STRING* uri;
};

// OpenSSL offers its ASN.1 templates only as macros (asn1t.h).
ASN1_SEQUENCE(KeyUri) = {ASN1_SIMPLE(KeyUri, description, ASN1_VISIBLESTRING),
                         ASN1_SIMPLE(KeyUri, uri, ASN1_UTF8STRING)} static_ASN1_SEQUENCE_END(KeyUri)

    struct KeyUriDeleter {
    // A PIN may be in the URI.
    void operator()(KeyUri* value) const {
        if (value->uri != nullptr)
            OPENSSL_cleanse(const_cast<unsigned char*>(ASN1_STRING_get0_data(value->uri)),
                            static_cast<std::size_t>(ASN1_STRING_length(value->uri)));
        ASN1_item_free(reinterpret_cast<ASN1_VALUE*>(value), ASN1_ITEM_rptr(KeyUri));
    }
};
using KeyUriOwner = std::unique_ptr<KeyUri, KeyUriDeleter>;

std::string_view textOf(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

} // namespace

std::vector<unsigned char> encodeKeyUri(const std::string& uri) {
    const KeyUriOwner value(reinterpret_cast<KeyUri*>(ASN1_item_new(ASN1_ITEM_rptr(KeyUri))));
    unsigned char* der = nullptr;
    int size = -1;
    if (value &&
        ASN1_STRING_set(value->description, description.data(),
                        static_cast<int>(description.size())) == 1 &&
        ASN1_STRING_set(value->uri, uri.data(), static_cast<int>(uri.size())) == 1)
        size = ASN1_item_i2d(reinterpret_cast<const ASN1_VALUE*>(value.get()), &der,
                             ASN1_ITEM_rptr(KeyUri));
    if (size < 0)
        throw std::runtime_error("the key's URI cannot be encoded");
    std::vector<unsigned char> result(der, der + size);
    OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    return result;
}

bool writeKeyUriPem(BIO* out, const std::string& uri) {
    auto der = encodeKeyUri(uri);
    const bool written =
        PEM_write_bio(out, keyUriPemLabel, "", der.data(), static_cast<long>(der.size())) > 0;
    OPENSSL_cleanse(der.data(), der.size());
    return written;
}

std::optional<std::string> decodeKeyUri(pkcs11::ByteView der) {
    const ossl::ErrorMark mark;
    const unsigned char* position = der.data();
    const KeyUriOwner value(reinterpret_cast<KeyUri*>(
        ASN1_item_d2i(nullptr, &position, static_cast<long>(der.size()), ASN1_ITEM_rptr(KeyUri))));
    if (!value || textOf(value->description) != description)
        return std::nullopt;
    return std::string(textOf(value->uri));
}

} // namespace p11::store
