// SPDX-License-Identifier: Apache-2.0
// What a token may give for an ECDSA signature, and what it must not.
#include <gtest/gtest.h>

#include "ossl/ecdsa_der.h"

namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::size_t orderSize = 32;

Bytes derOf(std::size_t sizeOfR, std::size_t sizeOfS) {
    Bytes der{0x30, static_cast<unsigned char>(4 + sizeOfR + sizeOfS)};
    for (const auto size : {sizeOfR, sizeOfS}) {
        der.insert(der.end(), {2, static_cast<unsigned char>(size)});
        der.insert(der.end(), size, 0x11);
    }
    return der;
}

TEST(EcdsaForms, OfBothNumbersSideBySideAreOne) {
    const Bytes raw(2 * orderSize, 0x11);
    EXPECT_EQ(p11::ossl::ecdsaForms(raw, orderSize),
              std::vector<Bytes>{derOf(orderSize, orderSize)});
}

TEST(EcdsaForms, OfDerAreThatOfNumbersThatFitTheCurve) {
    const auto der = derOf(orderSize, 31);
    EXPECT_EQ(p11::ossl::ecdsaForms(der, orderSize), std::vector<Bytes>{der});
    EXPECT_TRUE(p11::ossl::ecdsaForms(derOf(60, 60), orderSize).empty());
    EXPECT_TRUE(p11::ossl::ecdsaForms(derOf(33, 31), orderSize).empty());
    auto longer = der;
    longer.push_back(0x11);
    EXPECT_TRUE(p11::ossl::ecdsaForms(longer, orderSize).empty());
    auto negative = derOf(orderSize, 31);
    negative[4] = 0x91;
    EXPECT_TRUE(p11::ossl::ecdsaForms(negative, orderSize).empty());
}

// Nothing tells where s begins.
TEST(EcdsaForms, WithoutZerosAreSeveral) {
    EXPECT_EQ(p11::ossl::ecdsaForms(Bytes(63, 0x11), orderSize),
              (std::vector<Bytes>{derOf(31, 32), derOf(32, 31)}));
    EXPECT_TRUE(p11::ossl::ecdsaForms(Bytes(40, 0x11), orderSize).empty());
    EXPECT_TRUE(p11::ossl::ecdsaForms({}, orderSize).empty());
    EXPECT_TRUE(p11::ossl::ecdsaForms(Bytes(65, 0x11), orderSize).empty());
}

} // namespace
