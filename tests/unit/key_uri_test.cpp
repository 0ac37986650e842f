// SPDX-License-Identifier: Apache-2.0
// The form of key references, byte by byte.
#include "store/key_uri.h"

#include <memory>
#include <string_view>

#include <gtest/gtest.h>

namespace {

using Bytes = std::vector<unsigned char>;

// A tag, a length and contents, in the short form of DER.
Bytes element(unsigned char tag, std::string_view contents) {
    std::string text{static_cast<char>(tag), static_cast<char>(contents.size())};
    text.append(contents);
    return {text.begin(), text.end()};
}

Bytes sequence(const std::vector<Bytes>& parts) {
    std::string contents;
    for (const auto& part : parts)
        contents.append(part.begin(), part.end());
    return element(0x30, contents);
}

constexpr unsigned char visibleString = 0x1a;
constexpr unsigned char utf8String = 0x0c;
constexpr std::string_view description = "PKCS#11 Provider URI v1.0";
constexpr std::string_view uri = "pkcs11:object=a;type=private";

TEST(KeyUri, IsASequenceOfTwoTexts) {
    const auto wanted = sequence({element(visibleString, description), element(utf8String, uri)});
    EXPECT_EQ(p11::store::encodeKeyUri(std::string(uri)), wanted);
    EXPECT_EQ(p11::store::decodeKeyUri(wanted), uri);
}

TEST(KeyUri, OfAnyLengthComesBack) {
    for (const std::size_t size : {0U, 1U, 100U, 127U, 128U, 255U, 256U, 5000U, 60000U}) {
        const std::string text(size, 'x');
        EXPECT_EQ(p11::store::decodeKeyUri(p11::store::encodeKeyUri(text)), text) << size;
    }
}

TEST(KeyUri, OtherStructuresAreNone) {
    const auto first = element(visibleString, description);
    const auto second = element(utf8String, uri);
    for (const auto& other :
         {Bytes{}, Bytes{0x30}, Bytes{0x30, 0x00}, first, sequence({first}), sequence({second}),
          sequence({second, first}), sequence({first, second, second}),
          sequence({element(visibleString, "PKCS#11 Provider URI v2.0"), second}),
          sequence({element(utf8String, description), second}),
          sequence({first, element(visibleString, uri)}), sequence({first, element(0x04, uri)})})
        EXPECT_FALSE(p11::store::decodeKeyUri(other));
}

TEST(KeyUri, PemHasTheLabel) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    ASSERT_TRUE(p11::store::writeKeyUriPem(out.get(), std::string(uri)));
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    const std::string pem(data, static_cast<std::size_t>(size));
    EXPECT_TRUE(pem.starts_with("-----BEGIN PKCS#11 PROVIDER URI-----\n"));
    EXPECT_TRUE(pem.ends_with("-----END PKCS#11 PROVIDER URI-----\n"));
}

} // namespace
